/** `gantry builder prune`. */
import type { BuildPruneResponse } from '../../../wire/system.ts';
import { defineCommand } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { bytes, toggle } from '../../flags/kinds.ts';
import { pruneReport } from '../../output/prune-report.ts';

export const prune = defineCommand({
  usage: '[OPTIONS]',
  examples: [['builder prune -af', 'All of the cache, without asking']],
  arguments: [0, 0],
  flags: {
    all: toggle('Remove all unused build cache, not just dangling ones', { short: 'a' }),
    filter: filterFlag('Provide filter values (e.g. "until=24h")'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
    'keep-storage': bytes('Amount of disk space to keep for cache'),
  },
  run: async ({ client, io }, { flags }) => {
    const warning = flags.all
      ? 'WARNING! This will remove all build cache.'
      : 'WARNING! This will remove all dangling build cache.';
    if (!flags.force && !(await confirm(io, warning, ' '))) return 0;
    const query = {
      all: flags.all,
      'keep-storage': flags['keep-storage'] || undefined,
      ...filtersQuery(flags.filter),
    };
    const pruned = await client.call<BuildPruneResponse>('POST', '/build/prune', { query });
    const deleted = pruned.CachesDeleted ?? [];
    io.stdout.write(pruneReport('Deleted build cache objects:', deleted, pruned.SpaceReclaimed));
    return 0;
  },
});
