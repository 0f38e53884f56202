/** `gantry builder du`. */
import { EngineError } from '../../../errors/engine-error.ts';
import type { BuildCacheRow, DiskUsageResponse } from '../../../wire/system.ts';
import { defineCommand } from '../../command.ts';
import { filterFlag } from '../../filters.ts';
import { toggle } from '../../flags/kinds.ts';
import { humanDuration, humanSize } from '../../output/human.ts';
import { alignColumns } from '../../output/tabwriter.ts';

const known = ['id', 'type', 'description', 'inuse', 'shared', 'private'];

export const du = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['builder du', 'What the build cache holds, and how much of it could go'],
    ['builder du --filter type=exec.cachemount', 'The cache mounts'],
  ],
  arguments: [0, 0],
  flags: {
    filter: filterFlag('Provide filter values'),
    verbose: toggle('Provide a more verbose output'),
  },
  run: async ({ client, io }, { flags }) => {
    for (const name of flags.filter.keys())
      if (!known.includes(name))
        throw new EngineError('invalid-argument', `invalid filter '${name}'`, {
          hint: `It must be one of ${known.join(', ')}.`,
        });
    const usage = await client.call<DiskUsageResponse>('GET', '/system/df', {
      query: { type: 'build-cache' },
    });
    const rows = (usage.BuildCache ?? []).filter((row) => fits(row, flags.filter));
    rows.sort((left, right) => right.Size - left.Size);
    io.stdout.write(flags.verbose ? rows.map(detailsOf).join('\n') : tableOf(rows));
    io.stdout.write(totals(rows));
    return 0;
  },
});

function fits(row: BuildCacheRow, filters: ReadonlyMap<string, readonly string[]>): boolean {
  const tests: Record<string, (value: string) => boolean> = {
    id: (value) => row.ID.startsWith(value),
    type: (value) => row.Type === value,
    description: (value) => row.Description.includes(value),
    inuse: () => row.InUse,
    shared: () => row.Shared,
    private: () => !row.Shared,
  };
  return [...filters].every(([name, values]) => values.some((value) => tests[name]?.(value) === true));
}

function tableOf(rows: readonly BuildCacheRow[]): string {
  const lines = rows.map((row) => [
    `${row.ID}${row.InUse ? '*' : ''}`,
    String(!row.InUse),
    humanSize(row.Size),
    row.LastUsedAt === null ? '' : `${humanDuration(Date.now() - Date.parse(row.LastUsedAt))} ago`,
  ]);
  return tabulate([['ID', 'RECLAIMABLE', 'SIZE', 'LAST ACCESSED'], ...lines]);
}

function detailsOf(row: BuildCacheRow): string {
  const fields: Array<[string, string]> = [
    ['ID', row.ID],
    ['Parents', (row.Parents ?? []).join(', ')],
    ['Created at', row.CreatedAt],
    ['Mutable', 'false'],
    ['Reclaimable', String(!row.InUse)],
    ['Shared', String(row.Shared)],
    ['Size', humanSize(row.Size)],
    ['Description', row.Description],
    ['Usage count', String(row.UsageCount)],
    ['Last used', row.LastUsedAt ?? 'never'],
    ['Type', row.Type],
  ];
  return tabulate(fields.filter(([, value]) => value !== '').map(([name, value]) => [`${name}:`, value]));
}

function totals(rows: readonly BuildCacheRow[]): string {
  const sum = (some: readonly BuildCacheRow[]): string =>
    humanSize(some.reduce((total, { Size }) => total + Size, 0));
  const shared = rows.filter(({ Shared }) => Shared);
  const split =
    shared.length === 0
      ? []
      : [
          ['Shared:', sum(shared)],
          ['Private:', sum(rows.filter(({ Shared }) => !Shared))],
        ];
  return tabulate([
    ...split,
    ['Reclaimable:', sum(rows.filter(({ InUse }) => !InUse))],
    ['Total:', sum(rows)],
  ]);
}

function tabulate(rows: ReadonlyArray<readonly string[]>): string {
  return alignColumns(rows.map((row) => `${row.join('\t')}\n`).join(''));
}
