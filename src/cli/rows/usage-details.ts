/** Disk usage of every image, container and volume. */
import type { BuildCacheRow, DiskUsageResponse } from '../../wire/system.ts';
import type { Volume } from '../../wire/volume.ts';
import { formatRows } from '../output/format-rows.ts';
import { ago, humanSize, shortId } from '../output/human.ts';
import { GoRow } from '../template/value.ts';
import { containerLayout, containerRow } from './container-row.ts';
import { imageLayout, imageRows } from './image-row.ts';
import { usageRows } from './usage-row.ts';

const imageColumns =
  '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}';
const containerColumns =
  '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}';

/** What `gantry system df -v` prints. */
export function detailedUsage(usage: DiskUsageResponse): string {
  // Of several names of an image only the first is shown: its size counts once.
  const images = (usage.Images ?? []).flatMap((image) =>
    imageRows(image, { digests: false, truncate: true }).slice(0, 1),
  );
  const containers = (usage.Containers ?? []).map((container) =>
    containerRow({ ...container, SizeRootFs: 0 }, true),
  );
  const cache = usageRows(usage)[3]?.methods['Size']?.();
  return [
    'Images space usage:\n',
    formatRows('', false, { ...imageLayout(false), columns: imageColumns }, images),
    'Containers space usage:\n',
    formatRows('', false, { ...containerLayout(true), columns: containerColumns }, containers),
    'Local Volumes space usage:\n',
    formatRows('', false, volumeLayout, (usage.Volumes ?? []).map(volumeRow)),
    `Build cache usage: ${String(cache ?? '0B')}\n`,
    formatRows('', false, cacheLayout, (usage.BuildCache ?? []).map(cacheRow)),
  ].join('\n');
}

const volumeLayout = {
  columns: '{{.Name}}\t{{.Links}}\t{{.Size}}',
  headings: { Name: 'VOLUME NAME', Links: 'LINKS', Size: 'SIZE' },
};

function volumeRow({ Name, UsageData }: Volume): GoRow {
  return new GoRow('volume', {
    Name: () => Name,
    Links: () => String(UsageData?.RefCount ?? 0),
    Size: () => humanSize(Math.max(0, UsageData?.Size ?? 0)),
  });
}

const cacheLayout = {
  columns:
    '{{.ID}}\t{{.CacheType}}\t{{.Size}}\t{{.CreatedSince}}\t{{.LastUsedSince}}\t{{.UsageCount}}\t{{.Shared}}',
  headings: {
    ID: 'CACHE ID',
    CacheType: 'CACHE TYPE',
    Size: 'SIZE',
    CreatedSince: 'CREATED',
    LastUsedSince: 'LAST USED',
    UsageCount: 'USAGE',
    Shared: 'SHARED',
  },
};

function cacheRow(row: BuildCacheRow): GoRow {
  const { LastUsedAt } = row;
  return new GoRow('build cache', {
    ID: () => `${shortId(row.ID)}${row.InUse ? '*' : ''}`,
    CacheType: () => row.Type,
    Size: () => humanSize(row.Size, 3),
    CreatedSince: () => ago(Date.parse(row.CreatedAt) / 1000),
    LastUsedSince: () => (LastUsedAt === null ? '' : ago(Date.parse(LastUsedAt) / 1000)),
    UsageCount: () => String(row.UsageCount),
    Shared: () => String(row.Shared),
  });
}
