/** What a container uses as a row of `gantry stats`. */
import type { StatsResponse } from '../../wire/stats.ts';
import { type Figures, figuresOf } from '../monitor/figures.ts';
import type { RowFormat } from '../output/format-rows.ts';
import { binarySize, humanSize, shortId } from '../output/human.ts';
import { GoRow } from '../template/value.ts';

export const statsLayout: RowFormat = {
  columns:
    '{{.ID}}\t{{.Name}}\t{{.CPUPerc}}\t{{.MemUsage}}\t{{.MemPerc}}\t{{.NetIO}}\t{{.BlockIO}}\t{{.PIDs}}',
  headings: {
    Container: 'CONTAINER',
    ID: 'CONTAINER ID',
    Name: 'NAME',
    CPUPerc: 'CPU %',
    MemUsage: 'MEM USAGE / LIMIT',
    MemPerc: 'MEM %',
    NetIO: 'NET I/O',
    BlockIO: 'BLOCK I/O',
    PIDs: 'PIDS',
  },
};

/** One container; without `stats`, nothing is known of it (yet). */
export interface StatsSubject {
  /** As the user named it, or its short ID. */
  container: string;
  stats: StatsResponse | undefined;
}

const unknown = '--';

export function statsRow({ container, stats }: StatsSubject, truncate: boolean): GoRow {
  const figures = stats && figuresOf(stats, undefined);
  const known =
    (show: (figures: Figures) => string, otherwise = unknown) =>
    (): string =>
      figures === undefined ? otherwise : show(figures);
  return new GoRow('stats', {
    Container: () => container,
    ID: () => (truncate ? shortId(stats?.id ?? '') : (stats?.id ?? '')),
    Name: () => stats?.name.replace(/^\//, '') || unknown,
    CPUPerc: known(({ cpuPercent }) => percent(cpuPercent)),
    MemUsage: known(
      ({ memory, memoryLimit }) => `${binarySize(memory)} / ${binarySize(memoryLimit)}`,
      '-- / --',
    ),
    MemPerc: known(({ memory, memoryLimit }) =>
      percent(memoryLimit === 0 ? 0 : (memory / memoryLimit) * 100),
    ),
    NetIO: known(({ received, sent }) => `${humanSize(received, 3)} / ${humanSize(sent, 3)}`),
    BlockIO: known(({ read, written }) => `${humanSize(read, 3)} / ${humanSize(written, 3)}`),
    PIDs: known(({ processes }) => String(processes)),
  });
}

function percent(value: number): string {
  return `${value.toFixed(2)}%`;
}
