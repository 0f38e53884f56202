/** `gantry volume prune`. */
import { EngineError } from '../../../errors/engine-error.ts';
import type { VolumesPruneResponse } from '../../../wire/volume.ts';
import { defineCommand } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { filterFlag, filtersQuery, withFilter } from '../../filters.ts';
import { toggle } from '../../flags/kinds.ts';
import { pruneReport } from '../../output/prune-report.ts';

export const prune = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['volume prune', 'Anonymous volumes that no container uses'],
    ['volume prune -a', 'Those with names too'],
  ],
  arguments: [0, 0],
  flags: {
    all: toggle('Remove all unused volumes, not just anonymous ones', { short: 'a' }),
    filter: filterFlag('Provide filter values (e.g. "label=<label>")'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
  },
  run: async ({ client, io }, { flags }) => {
    if (flags.all && flags.filter.has('all')) {
      throw new EngineError(
        'invalid-argument',
        'conflicting options: cannot specify both --all and --filter all=1',
      );
    }
    const which = flags.all ? 'all local volumes' : 'anonymous local volumes';
    if (
      !flags.force &&
      !(await confirm(io, `WARNING! This will remove ${which} not used by at least one container.`))
    )
      return 0;
    const filters = flags.all ? withFilter(flags.filter, 'all', 'true') : flags.filter;
    const pruned = await client.call<VolumesPruneResponse>('POST', '/volumes/prune', {
      query: filtersQuery(filters),
    });
    io.stdout.write(pruneReport('Deleted Volumes:', pruned.VolumesDeleted ?? [], pruned.SpaceReclaimed));
    return 0;
  },
});
