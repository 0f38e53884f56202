/** A Dockerfile's bytes to its syntax tree. */
import { TextDecoder } from 'node:util';
import type {
  ArgInstruction,
  CommandLine,
  Dockerfile,
  FromInstruction,
  Instruction,
  ParserNote,
  Stage,
  StageInstruction,
} from './ast.ts';
import { DockerfileError, locating, parseError } from './errors.ts';
import { descriptionOf } from './instruction-context.ts';
import { LineReader, type LogicalLine } from './lines.ts';
import { announcedHeredocs, parseInstruction } from './parse-instruction.ts';
import { looksLikeJson } from './split.ts';

/**
 * `content` is UTF-8, with or without a byte order mark; lines end in LF or CRLF. `name` is what errors call the file.
 * DockerfileError for whatever is wrong with it; nothing else is thrown.
 */
export function parseDockerfile(content: Uint8Array | string, name = 'Dockerfile'): Dockerfile {
  const reader = new LineReader(name, typeof content === 'string' ? content : decode(content));
  const { source } = reader;
  if (content.length === 0)
    throw new DockerfileError('the Dockerfile cannot be empty', { source }, 'begin with FROM');
  const builder = new TreeBuilder(reader);
  for (let line = reader.next(); line !== undefined; line = reader.next()) builder.add(line);
  return builder.finish();
}

/**
 * The one instruction of a text: an ONBUILD trigger of a base image. DockerfileError, with `name` for the file, where it is
 * not exactly one.
 */
export function parseTrigger(text: string, name: string): StageInstruction {
  const reader = new LineReader(name, text);
  const line = reader.next();
  const found = line === undefined ? undefined : readInstruction(reader, line);
  if (found !== undefined && found.kind !== 'from' && reader.next() === undefined) return found;
  throw new DockerfileError(
    'onbuild trigger should be a single expression',
    { source: reader.source },
    'mend the ONBUILD instructions of the base image',
  );
}

function decode(content: Uint8Array): string {
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(content);
}

function readInstruction(reader: LineReader, line: LogicalLine): Instruction {
  const mark = reader.directives.escape;
  const keyword = (/^\S+/.exec(line.text)?.[0] ?? '').toUpperCase();
  const place = { source: reader.source, range: line.range, instruction: keyword };
  return locating(
    place,
    () => {
      const announced = announcedHeredocs(line.text, mark);
      const heredocs = announced.map((heredoc) => reader.readHeredoc(heredoc, line));
      const range = reader.rangeTo(line);
      const original = reader.original(range);
      return parseInstruction({
        text: line.text,
        heredocs,
        escape: mark,
        place: { original, range, comments: line.comments },
      });
    },
    parseError,
  );
}

/** Gathers instructions into stages. */
class TreeBuilder {
  private readonly globalArgs: ArgInstruction[] = [];
  private readonly stages: Array<{ from: FromInstruction; instructions: StageInstruction[] }> = [];
  private readonly badJson: ParserNote[] = [];
  private readonly reader: LineReader;

  constructor(reader: LineReader) {
    this.reader = reader;
  }

  add(line: LogicalLine): void {
    const instruction = readInstruction(this.reader, line);
    this.noteBadJson(instruction);
    if (instruction.kind === 'from') {
      this.stages.push({ from: instruction, instructions: [] });
      return;
    }
    const stage = this.stages.at(-1);
    if (stage !== undefined) stage.instructions.push(instruction);
    else if (instruction.kind === 'arg') this.globalArgs.push(instruction);
    else {
      throw new DockerfileError(
        'no build stage in current context',
        {
          source: this.reader.source,
          range: instruction.range,
          instruction: instruction.keyword.toUpperCase(),
        },
        'write FROM before it; only ARG may stand above the first FROM',
      );
    }
  }

  private noteBadJson(instruction: Instruction): void {
    const command = commandIn(instruction);
    if (command?.form !== 'shell' || !looksLikeJson(command.text)) return;
    this.badJson.push({ kind: 'bad-json', range: instruction.range, detail: command.text });
  }

  finish(): Dockerfile {
    const { source, notes, directives } = this.reader;
    if (this.stages.length === 0) throw this.withoutStages();
    return {
      name: source.name,
      lines: source.lines,
      directives: directives.directives,
      globalArgs: this.globalArgs,
      stages: this.stages.map(
        ({ from, instructions }, index): Stage => ({
          index,
          from,
          name: from.name,
          description: descriptionOf(from.comments, from.name ?? ''),
          instructions,
        }),
      ),
      notes: [...notes, ...this.badJson],
    };
  }

  private withoutStages(): DockerfileError {
    const { source } = this.reader;
    if (this.globalArgs.length > 0)
      return new DockerfileError('dockerfile contains no stages to build', { source }, 'add a FROM');
    return new DockerfileError('file with no instructions', { source }, 'begin with FROM');
  }
}

/** The command of an instruction that takes both forms. */
function commandIn(instruction: Instruction): CommandLine | undefined {
  if (instruction.kind === 'run' || instruction.kind === 'cmd' || instruction.kind === 'entrypoint')
    return instruction.command;
  if (instruction.kind === 'healthcheck' && instruction.check !== 'none') return instruction.check.command;
  return undefined;
}
