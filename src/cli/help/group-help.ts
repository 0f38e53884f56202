/** The help of `gantry` itself and of its groups of commands. */
import { commands, groups } from '../command-table.ts';
import { globalFlags } from '../global-flags.ts';
import { flagsHelp } from './command-help.ts';
import type { Style } from './style.ts';
import { twoColumns } from './wrap.ts';

type Row = [name: string, summary: string];

/** What `gantry --help` prints; without the commands that a group has too, where `hideLegacy` says so (but for the common ones). */
export function rootHelp(style: Style, width: number, hideLegacy = false): string {
  const top = commands.flatMap((entry) =>
    entry.names
      .filter((name) => !name.includes(' '))
      .map((name) => ({ entry, row: [name, entry.summary] as Row })),
  );
  const common = top.filter(({ entry }) => entry.common === true).map(({ row }) => row);
  const other = top
    .filter(({ entry }) => entry.common !== true && entry.hidden !== true)
    .filter(({ entry }) => !hideLegacy || (entry.names.length === 1 && entry.names[0] !== 'inspect'))
    .map(({ row }) => row);
  const nouns = groups.map((group): Row => [group.name, group.summary]);
  const widest = Math.max(...[...common, ...other, ...nouns].map(([name]) => name.length));
  return [
    `${style.bold('Usage:')}  gantry [OPTIONS] COMMAND\n`,
    'Runs containers: pulls their images, isolates their processes, connects them\n',
    block('Common Commands', common, widest, style, width),
    block('Management Commands', nouns, widest, style, width),
    block('Commands', sorted(other), widest, style, width),
    flagsHelp('Global Options', globalFlags, style, width),
    "Run 'gantry COMMAND --help' for more information on a command.\n",
  ].join('\n');
}

/** What `gantry container` and `gantry container --help` print. */
export function groupHelp(group: string, style: Style, width: number): string {
  const rows = commandsOf(group);
  const summary = groups.find(({ name }) => name === group)?.summary ?? '';
  return [
    `${style.bold('Usage:')}  gantry ${group} COMMAND\n`,
    `${summary}\n`,
    block('Commands', sorted(rows), Math.max(...rows.map(([name]) => name.length)), style, width),
    `Run 'gantry ${group} COMMAND --help' for more information on a command.\n`,
  ].join('\n');
}

/** The main names within a group, with their summaries. */
export function commandsOf(group: string): Row[] {
  return commands.flatMap((entry) => {
    const name = entry.names.find((candidate) => candidate.startsWith(`${group} `));
    return name === undefined || entry.hidden === true
      ? []
      : [[name.slice(group.length + 1), entry.summary] as Row];
  });
}

function sorted(rows: readonly Row[]): Row[] {
  return [...rows].sort(([left], [right]) => (left < right ? -1 : 1));
}

function block(heading: string, rows: readonly Row[], widest: number, style: Style, width: number): string {
  const padded = rows.map(([name, summary]): Row => [`  ${name.padEnd(widest)}`, summary]);
  return `${style.bold(`${heading}:`)}\n${twoColumns(padded, width, style.cyan)}`;
}
