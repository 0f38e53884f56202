/** Draws the monitor: a head, the list or a text, and a foot, as lines for the screen. */
import type { Style } from '../help/style.ts';
import { chooseColumns, containerLine, headingLine } from './columns.ts';
import { type Monitored, nameOf, type SortKey } from './listing.ts';
import { fit, shortSize } from './text.ts';

export interface Size {
  height: number;
  width: number;
}

export interface ListView {
  rows: readonly Monitored[];
  selected: string | undefined;
  sort: SortKey;
  reverse: boolean;
  all: boolean;
  needle: string;
  /** The daemon's name or address. */
  daemon: string;
  problem: string | undefined;
  /** A question, or what came of the last key. */
  message: string;
}

export interface TextView {
  title: string;
  lines: readonly string[];
  /** The first line that is shown. */
  top: number;
  message: string;
}

const listKeys: ReadonlyArray<readonly [key: string, meaning: string]> = [
  ['q', 'quit'],
  ['?', 'help'],
  ['s', 'stop'],
  ['k', 'kill'],
  ['p', 'pause'],
  ['r', 'restart'],
  ['t', 'start'],
  ['x', 'remove'],
  ['e', 'enter'],
  ['l', 'logs'],
  ['i', 'inspect'],
  ['/', 'filter'],
  ['o', 'order'],
  ['a', 'all'],
];

const textKeys: ReadonlyArray<readonly [key: string, meaning: string]> = [
  ['q', 'back'],
  ['↑↓', 'scroll'],
  ['end', 'follow'],
];

/** Rows of the list that `height` has room for. */
export function listHeight({ height }: Size): number {
  return Math.max(1, height - 4);
}

export function textHeight({ height }: Size): number {
  return Math.max(1, height - 2);
}

export function drawList(view: ListView, size: Size, style: Style): string[] {
  const columns = chooseColumns(size.width);
  const room = listHeight(size);
  const index = Math.max(
    0,
    view.rows.findIndex(({ summary }) => summary.Id === view.selected),
  );
  const top = Math.min(Math.max(0, index - room + 1), Math.max(0, view.rows.length - room));
  const body = view.rows.slice(top, top + room).map((one) => {
    const line = fit(containerLine(columns, one), size.width);
    return one.summary.Id === view.selected ? `\x1b[7m${line}\x1b[27m` : painted(one, line, style);
  });
  if (body.length === 0) body.push(style.dim(fit(emptyText(view), size.width)));
  return [
    headLine(view, size, style),
    style.bold(fit(headingLine(columns, view.sort, view.reverse), size.width)),
    ...body,
    ...Array.from({ length: Math.max(0, room - body.length) }, () => ''),
    messageLine(view, size, style),
    keysLine(listKeys, size, style),
  ];
}

function headLine({ rows, daemon, problem, needle, all }: ListView, { width }: Size, style: Style): string {
  if (problem !== undefined) return style.yellow(fit(problem, width));
  const running = rows.filter(({ summary }) => summary.State === 'running').length;
  const sum = (read: (figures: NonNullable<Monitored['figures']>) => number): number =>
    rows.reduce((total, { figures }) => total + (figures === undefined ? 0 : read(figures)), 0);
  const parts = [
    `${running} running${all ? ` of ${rows.length}` : ''}`,
    `CPU ${sum(({ cpuPercent }) => cpuPercent).toFixed(1)}%`,
    `memory ${shortSize(sum(({ memory }) => memory))}`,
    ...(needle === '' ? [] : [`filter "${needle}"`]),
    daemon,
  ];
  return style.bold(fit(`gantry monitor  ${parts.join(' · ')}`, width));
}

function emptyText({ needle, all, problem }: ListView): string {
  if (problem !== undefined) return '';
  if (needle !== '') return `No container matches "${needle}"`;
  return all ? 'There are no containers' : 'No container runs; press a to see those that have ended';
}

function painted({ summary }: Monitored, line: string, style: Style): string {
  if (/\(unhealthy\)/.test(summary.Status) || summary.State === 'restarting') return style.yellow(line);
  if (summary.State === 'paused') return style.cyan(line);
  return summary.State === 'running' ? line : style.dim(line);
}

function messageLine({ message, rows, selected }: ListView, { width }: Size, style: Style): string {
  const one = rows.find(({ summary }) => summary.Id === selected);
  if (message !== '') return style.yellow(fit(message, width));
  return one === undefined ? '' : style.dim(fit(`${nameOf(one)}  ${one.summary.Command}`, width));
}

function keysLine(keys: ReadonlyArray<readonly [string, string]>, { width }: Size, style: Style): string {
  let room = width;
  const shown: string[] = [];
  for (const [key, meaning] of keys) {
    room -= [...key].length + meaning.length + 3;
    if (room < 0) break;
    shown.push(`${style.cyan(key)} ${meaning}`);
  }
  return shown.join('  ');
}

export function drawText(view: TextView, size: Size, style: Style): string[] {
  const room = textHeight(size);
  const body = view.lines
    .slice(view.top, view.top + room)
    .map((line) => [...line].slice(0, size.width).join(''));
  const last = Math.min(view.lines.length, view.top + room);
  const place = view.lines.length === 0 ? 'nothing yet' : `${view.top + 1}-${last} of ${view.lines.length}`;
  return [
    style.bold(fit(`${view.title}  ${place}`, size.width)),
    ...body,
    ...Array.from({ length: Math.max(0, room - body.length) }, () => ''),
    view.message === '' ? keysLine(textKeys, size, style) : style.yellow(fit(view.message, size.width)),
  ];
}
