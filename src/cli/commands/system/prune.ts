/** `gantry system prune`. */
import type { Query } from '../../../client/query.ts';
import type { ContainersPruneResponse } from '../../../wire/container.ts';
import type { ImagesPruneResponse } from '../../../wire/image.ts';
import type { NetworksPruneResponse } from '../../../wire/network.ts';
import type { BuildPruneResponse } from '../../../wire/system.ts';
import type { VolumesPruneResponse } from '../../../wire/volume.ts';
import { defineCommand } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { type FilterMap, filterFlag, filtersQuery, withFilter } from '../../filters.ts';
import { toggle } from '../../flags/kinds.ts';
import { humanSize } from '../../output/human.ts';
import { pruneList } from '../../output/prune-report.ts';
import { describeDeleted } from '../../rows/deleted-images.ts';

export const prune = defineCommand({
  usage: '[OPTIONS]',
  examples: [
    ['system prune', 'Ended containers, unused networks and images without a name'],
    ['system prune -af --volumes', 'All that nothing uses, without asking'],
  ],
  arguments: [0, 0],
  flags: {
    all: toggle('Remove all unused images not just dangling ones', { short: 'a' }),
    filter: filterFlag('Provide filter values (e.g. "label=<key>=<value>")'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
    volumes: toggle('Prune anonymous volumes'),
  },
  run: async ({ client, io }, { flags }) => {
    if (!flags.force && !(await confirm(io, warningText(flags)))) return 0;
    const query = filtersQuery(flags.filter);
    const post = <T>(path: string, given: Query = query) => client.call<T>('POST', path, { query: given });
    const containers = await post<ContainersPruneResponse>('/containers/prune');
    io.stdout.write(pruneList('Deleted Containers:', containers.ContainersDeleted ?? []));
    const networks = await post<NetworksPruneResponse>('/networks/prune');
    io.stdout.write(pruneList('Deleted Networks:', networks.NetworksDeleted ?? []));
    const volumes = flags.volumes ? await post<VolumesPruneResponse>('/volumes/prune') : undefined;
    io.stdout.write(pruneList('Deleted Volumes:', volumes?.VolumesDeleted ?? []));
    const dangling = filtersQuery(withFilter(flags.filter, 'dangling', String(!flags.all)));
    const images = await post<ImagesPruneResponse>('/images/prune', dangling);
    io.stdout.write(pruneList('Deleted Images:', (images.ImagesDeleted ?? []).map(describeDeleted)));
    const cache = await post<BuildPruneResponse>('/build/prune', { ...query, all: flags.all });
    io.stdout.write(pruneList('Deleted build cache objects:', cache.CachesDeleted ?? []));
    const total =
      containers.SpaceReclaimed +
      (volumes?.SpaceReclaimed ?? 0) +
      images.SpaceReclaimed +
      cache.SpaceReclaimed;
    io.stdout.write(`Total reclaimed space: ${humanSize(total)}\n`);
    return 0;
  },
});

function warningText({
  all,
  volumes,
  filter,
}: {
  all: boolean;
  volumes: boolean;
  filter: FilterMap;
}): string {
  const targets = [
    'all stopped containers',
    'all networks not used by at least one container',
    ...(volumes ? ['all anonymous volumes not used by at least one container'] : []),
    all ? 'all images without at least one container associated to them' : 'all dangling images',
    all ? 'all build cache' : 'unused build cache',
  ];
  const filters = [...filter].flatMap(([name, values]) => values.map((value) => `${name}=${value}`));
  const filtered =
    filters.length === 0 ? '' : `\n  Items to be pruned will be filtered with:\n${listed(filters.sort())}`;
  return `WARNING! This will remove:\n${listed(targets)}${filtered}`;
}

function listed(items: readonly string[]): string {
  return items.map((item) => `  - ${item}\n`).join('');
}
