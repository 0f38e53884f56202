/** `gantry container prune`. */
import type { ContainersPruneResponse } from '../../../wire/container.ts';
import { defineCommand } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { filterFlag, filtersQuery } from '../../filters.ts';
import { toggle } from '../../flags/kinds.ts';
import { pruneReport } from '../../output/prune-report.ts';

export const prune = defineCommand({
  usage: '[OPTIONS]',
  examples: [['container prune -f --filter until=24h', 'What ended and is older than a day, without asking']],
  arguments: [0, 0],
  flags: {
    filter: filterFlag('Provide filter values (e.g. "until=<timestamp>")'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
  },
  run: async ({ client, io }, { flags }) => {
    if (!flags.force && !(await confirm(io, 'WARNING! This will remove all stopped containers.'))) return 0;
    const query = filtersQuery(flags.filter);
    const pruned = await client.call<ContainersPruneResponse>('POST', '/containers/prune', { query });
    io.stdout.write(
      pruneReport('Deleted Containers:', pruned.ContainersDeleted ?? [], pruned.SpaceReclaimed),
    );
    return 0;
  },
});
