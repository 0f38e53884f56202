/** `gantry network prune`. */
import type { NetworksPruneResponse } from '../../../wire/network.ts';
import { defineCommand } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { toggle } from '../../flags/kinds.ts';
import { pruneList } from '../../output/prune-report.ts';

export const prune = defineCommand({
  usage: '[OPTIONS]',
  arguments: [0, 0],
  flags: {
    filter: filterFlag('Provide filter values (e.g. "until=<timestamp>")'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
  },
  run: async ({ client, io }, { flags }) => {
    const warning = 'WARNING! This will remove all custom networks not used by at least one container.';
    if (!flags.force && !(await confirm(io, warning))) return 0;
    const pruned = await client.call<NetworksPruneResponse>('POST', '/networks/prune', {
      query: filtersQuery(flags.filter),
    });
    io.stdout.write(pruneList('Deleted Networks:', pruned.NetworksDeleted ?? []));
    return 0;
  },
});
