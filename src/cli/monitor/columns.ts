/** The columns of the monitor's list, and which of them a width has room for. */
import { healthOf, type Monitored, nameOf, type SortKey } from './listing.ts';
import { fit, shortSize } from './text.ts';

interface Column {
  title: string;
  width: number;
  align: 'left' | 'right';
  /** The first to go where there is little room have the highest. */
  rank: number;
  /** The order that this column shows. */
  sort?: SortKey;
  cell: (one: Monitored) => string;
}

const figure =
  (read: (figures: NonNullable<Monitored['figures']>) => string) =>
  ({ figures }: Monitored): string =>
    figures === undefined ? '-' : read(figures);

const columns: readonly Column[] = [
  { title: 'NAME', width: 20, align: 'left', rank: 0, sort: 'name', cell: nameOf },
  {
    title: 'CPU %',
    width: 7,
    align: 'right',
    rank: 0,
    sort: 'cpu',
    cell: figure(({ cpuPercent }) => cpuPercent.toFixed(1)),
  },
  {
    title: 'MEMORY',
    width: 7,
    align: 'right',
    rank: 1,
    sort: 'memory',
    cell: figure(({ memory }) => shortSize(memory)),
  },
  {
    title: 'MEM %',
    width: 6,
    align: 'right',
    rank: 7,
    cell: figure(({ memory, memoryLimit }) =>
      memoryLimit > 0 ? ((memory / memoryLimit) * 100).toFixed(1) : '-',
    ),
  },
  {
    title: 'NET IN/s',
    width: 9,
    align: 'right',
    rank: 5,
    sort: 'network',
    cell: figure(({ receiveRate }) => shortSize(receiveRate)),
  },
  {
    title: 'OUT/s',
    width: 7,
    align: 'right',
    rank: 5,
    cell: figure(({ sendRate }) => shortSize(sendRate)),
  },
  {
    title: 'READ/s',
    width: 7,
    align: 'right',
    rank: 6,
    sort: 'disk',
    cell: figure(({ readRate }) => shortSize(readRate)),
  },
  {
    title: 'WRITE/s',
    width: 8,
    align: 'right',
    rank: 6,
    cell: figure(({ writeRate }) => shortSize(writeRate)),
  },
  {
    title: 'PIDS',
    width: 5,
    align: 'right',
    rank: 8,
    cell: figure(({ processes }) => String(processes)),
  },
  {
    title: 'HEALTH',
    width: 9,
    align: 'left',
    rank: 4,
    cell: ({ summary }) => healthOf(summary) || '-',
  },
  {
    title: 'STATUS',
    width: 22,
    align: 'left',
    rank: 2,
    sort: 'age',
    cell: ({ summary }) => summary.Status.replace(/ \((?:health: starting|healthy|unhealthy)\)$/, ''),
  },
  { title: 'IMAGE', width: 24, align: 'left', rank: 9, cell: ({ summary }) => summary.Image },
];

const least = 12;

/** Those that fit into `width` with a space between them; the name takes what is left. */
export function chooseColumns(width: number): readonly Column[] {
  const ranks = [...new Set(columns.map(({ rank }) => rank))].sort((left, right) => right - left);
  let chosen = columns;
  for (const rank of ranks) {
    if (widthOf(chosen) <= width || rank === 0) break;
    chosen = chosen.filter((column) => column.rank !== rank);
  }
  const rest = chosen.slice(1).reduce((sum, column) => sum + column.width + 1, 0);
  const room = Math.max(1, Math.min(40, width - rest));
  return chosen.map((column, index) => (index === 0 ? { ...column, width: room } : column));
}

function widthOf(chosen: readonly Column[]): number {
  return chosen.reduce((sum, { width }, index) => sum + (index === 0 ? least : width + 1), 0);
}

export function headingLine(chosen: readonly Column[], sort: SortKey, reverse: boolean): string {
  const titles = chosen.map((column) => {
    const mark = column.sort !== sort ? '' : reverse ? '↑' : '↓';
    return fit(`${column.title}${mark}`, column.width, column.align);
  });
  return titles.join(' ');
}

export function containerLine(chosen: readonly Column[], one: Monitored): string {
  return chosen.map(({ cell, width, align }) => fit(cell(one), width, align)).join(' ');
}
