/** Which texts of which instruction have their variables replaced. */
import type { AddInstruction, CopyInstruction, KeyValue, StageInstruction, TransferFields } from './ast.ts';

export interface Expander {
  /** One text to one text. */
  word: (text: string) => string;
  /** One text to as many words as it has then. */
  words: (text: string) => readonly string[];
  /** The text of a here-document, in which quotes mean nothing. */
  document: (text: string) => string;
}

/**
 * The same instruction, expanded. RUN (but for its mounts), CMD, ENTRYPOINT, HEALTHCHECK, SHELL, ONBUILD and MAINTAINER stay
 * as they are: their variables are the shell's. ARG is the scope's own business.
 */
export function expandInstruction(instruction: StageInstruction, expander: Expander): StageInstruction {
  const { word } = expander;
  switch (instruction.kind) {
    case 'env':
      return { ...instruction, variables: instruction.variables.map((pair) => expandPair(pair, word)) };
    case 'label':
      return { ...instruction, labels: instruction.labels.map((pair) => expandPair(pair, word)) };
    case 'copy':
      return { ...instruction, ...expandTransfer(instruction, expander) };
    case 'add':
      return {
        ...instruction,
        ...expandTransfer(instruction, expander),
        checksum: maybe(instruction.checksum, word),
      };
    case 'workdir':
      return { ...instruction, path: word(instruction.path) };
    case 'user':
      return { ...instruction, user: word(instruction.user) };
    case 'volume':
      return { ...instruction, paths: instruction.paths.map(word) };
    case 'stopsignal':
      return { ...instruction, signal: word(instruction.signal) };
    case 'expose':
      return { ...instruction, ports: instruction.ports.flatMap(expander.words) };
    case 'arg':
    case 'run':
    case 'cmd':
    case 'entrypoint':
    case 'healthcheck':
    case 'shell':
    case 'onbuild':
    case 'maintainer':
      return instruction;
  }
}

function expandPair({ key, value }: KeyValue, word: Expander['word']): KeyValue {
  return { key: word(key), value: word(value) };
}

function expandTransfer(
  instruction: CopyInstruction | AddInstruction,
  { word, document }: Expander,
): TransferFields {
  return {
    link: instruction.link,
    exclude: instruction.exclude,
    chown: maybe(instruction.chown, word),
    chmod: maybe(instruction.chmod, word),
    sources: instruction.sources.map(word),
    destination: word(instruction.destination),
    files: instruction.files.map((file) =>
      file.expand ? { ...file, content: document(file.content) } : file,
    ),
  };
}

/** What is empty after its expansion is as if it was not given. */
function maybe(text: string | undefined, word: Expander['word']): string | undefined {
  return text === undefined ? undefined : word(text) || undefined;
}
