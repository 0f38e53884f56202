/** Here-documents: `<<NAME`, `<<-NAME`, `3<<"NAME"` in a line, and what their text becomes. */

import { trimEndOf } from '../../util/characters.ts';
import type { CommandLine, Heredoc } from './ast.ts';
import { expand } from './words.ts';

const unset = (): undefined => undefined;

/** The here-documents that the line announces, in order, still without content. A line that can't be split has none. */
export function heredocsOf(line: string): Heredoc[] {
  if (!line.includes('<<')) return [];
  try {
    const { words } = expand(line, unset, { rawQuotes: true, rawEscapes: true, keepUnset: true });
    return words.flatMap((word) => heredocOf(word) ?? []);
  } catch {
    // Such a text is the shell's to refuse.
    return [];
  }
}

/** Is the word one? EngineError where its name can't be read. */
export function heredocOf(word: string): Heredoc | undefined {
  const match = /^(\d*)<<(-?)([^<]+)$/.exec(word);
  if (match === null) return undefined;
  const rest = match[3] ?? '';
  const names = expand(rest, unset, { keepUnset: true }).words;
  const [name, ...others] = names;
  if (name === undefined || others.length > 0) return undefined;
  const written = expand(rest, unset, { keepUnset: true, rawQuotes: true }).words[0] ?? '';
  return {
    name,
    content: '',
    // What had quotes is left alone, whichever part of it they were around.
    expand: quotesIn(name) === quotesIn(written),
    chomp: match[2] === '-',
    descriptor: Math.min(Number(match[1] ?? '0'), Number.MAX_SAFE_INTEGER),
  };
}

function quotesIn(text: string): number {
  return text.replace(/[^'"]/g, '').length;
}

/** Does this line of the file end it? */
export function endsHeredoc(heredoc: Heredoc, line: string): boolean {
  const bare = trimEndOf(line, (one) => one === '\r' || one === '\n');
  return (heredoc.chomp ? bare.replace(/^\t+/, '') : bare) === heredoc.name;
}

/** The text, without the leading tabs where `<<-` asks for that. */
export function heredocText(heredoc: Heredoc): string {
  return heredoc.chomp ? heredoc.content.replace(/^\t+/gm, '') : heredoc.content;
}

/**
 * What RUN executes: `args` for an exec form; `script` for the shell. A command that is but one here-document is a script
 * of its own: with a `#!`, it is a file to execute (`interpreted`, to be called `name`), else the shell's text.
 */
export type Execution =
  | { kind: 'args'; args: readonly string[] }
  | { kind: 'script'; script: string }
  | { kind: 'interpreted'; name: string; content: string };

export function executionOf(command: CommandLine): Execution {
  if (command.form === 'exec') return { kind: 'args', args: command.args };
  const [first] = command.heredocs;
  if (first === undefined) return { kind: 'script', script: command.text };
  if (!isHeredocAlone(command.text)) {
    const parts = command.heredocs.map((heredoc) => `\n${heredoc.content}${heredoc.name}`);
    return { kind: 'script', script: command.text + parts.join('') };
  }
  const content = heredocText(first);
  return content.startsWith('#!')
    ? { kind: 'interpreted', name: first.name, content }
    : { kind: 'script', script: content };
}

function isHeredocAlone(text: string): boolean {
  try {
    return heredocOf(text) !== undefined;
  } catch {
    return false;
  }
}
