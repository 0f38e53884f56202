/** The help of one command. */
import type { Command } from '../command.ts';
import type { CommandEntry } from '../command-entry.ts';
import type { FlagSet, FlagSpec } from '../flags/flag.ts';
import type { Style } from './style.ts';
import { twoColumns, wrapText } from './wrap.ts';

/** What `gantry NAME --help` prints, in lines of at most `width` characters. `name` is the one it was called by. */
export function commandHelp(
  name: string,
  entry: CommandEntry,
  command: Command,
  style: Style,
  width: number,
): string {
  const parts = [
    `${style.bold('Usage:')}  gantry ${name} ${command.usage}\n`.replace(/ +\n$/, '\n'),
    `${entry.summary}\n`,
  ];
  if (command.description !== undefined) parts.push(`${wrapText(command.description, width).join('\n')}\n`);
  if (entry.names.length > 1) {
    parts.push(`${style.bold('Aliases:')}\n  ${entry.names.map((alias) => `gantry ${alias}`).join(', ')}\n`);
  }
  if (command.examples !== undefined) parts.push(examplesBlock(command.examples, style));
  parts.push(...flagBlocks(command.flags, style, width));
  return parts.join('\n');
}

function examplesBlock(examples: NonNullable<Command['examples']>, style: Style): string {
  const lines = examples.map(
    ([line, explanation]) => `  ${style.dim(`# ${explanation}`)}\n  $ gantry ${line}\n`,
  );
  return `${style.bold('Examples:')}\n${lines.join('\n')}`;
}

/** The flags, under their headings; all first columns are equally wide. */
function flagBlocks(flags: FlagSet, style: Style, width: number): string[] {
  const shown = Object.entries(flags).filter(([, spec]) => spec.hidden !== true);
  if (shown.length === 0) return [];
  const headings = [...new Set(shown.map(([, spec]) => spec.group ?? 'Options'))];
  const widest = Math.max(...shown.map(([name, spec]) => flagColumn(name, spec).length));
  return headings.map((heading) => {
    const rows = shown
      .filter(([, spec]) => (spec.group ?? 'Options') === heading)
      .map(([name, spec]): [string, string] => [flagColumn(name, spec).padEnd(widest), flagText(spec)]);
    return `${style.bold(`${heading}:`)}\n${twoColumns(rows, width, style.cyan)}`;
  });
}

function flagColumn(name: string, spec: FlagSpec<unknown>): string {
  const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
  return `  ${short}--${name}${spec.type === '' ? '' : ` ${spec.type}`}`;
}

function flagText(spec: FlagSpec<unknown>): string {
  return spec.shownDefault === undefined ? spec.help : `${spec.help} (default ${spec.shownDefault})`;
}

/** The options alone, as the help of `gantry` itself shows them. */
export function flagsHelp(heading: string, flags: FlagSet, style: Style, width: number): string {
  const rows = Object.entries(flags).map(([name, spec]): [string, string] => [
    flagColumn(name, spec),
    flagText(spec),
  ]);
  return `${style.bold(`${heading}:`)}\n${twoColumns(rows, width, style.cyan)}`;
}
