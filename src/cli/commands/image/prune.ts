/** `gantry image prune`. */
import type { ImagesPruneResponse } from '../../../wire/image.ts';
import { defineCommand } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { filterFlag, filtersQuery, withFilter } from '../../filters.ts';
import { toggle } from '../../flags/kinds.ts';
import { pruneReport } from '../../output/prune-report.ts';
import { describeDeleted } from '../../rows/deleted-images.ts';

export const prune = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['image prune', 'Images without a name that nothing uses'],
    ['image prune -af --filter until=168h', 'All that no container uses, and older than a week'],
  ],
  arguments: [0, 0],
  flags: {
    all: toggle('Remove all unused images, not just dangling ones', { short: 'a' }),
    filter: filterFlag('Provide filter values (e.g. "until=<timestamp>")'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
  },
  run: async ({ client, io }, { flags }) => {
    const which = flags.all
      ? 'all images without at least one container associated to them'
      : 'all dangling images';
    if (!flags.force && !(await confirm(io, `WARNING! This will remove ${which}.`))) return 0;
    const query = filtersQuery(withFilter(flags.filter, 'dangling', String(!flags.all)));
    const pruned = await client.call<ImagesPruneResponse>('POST', '/images/prune', { query });
    const deleted = (pruned.ImagesDeleted ?? []).map(describeDeleted);
    io.stdout.write(pruneReport('Deleted Images:', deleted, pruned.SpaceReclaimed));
    return 0;
  },
});
