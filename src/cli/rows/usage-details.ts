/** Disk usage of every image, container and volume. */
import type { DiskUsageResponse } from '../../wire/system.ts';
import type { Volume } from '../../wire/volume.ts';
import { formatRows } from '../output/format-rows.ts';
import { humanSize } from '../output/human.ts';
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
  const images = (usage.Images ?? []).flatMap((image) =>
    imageRows(image, { digests: false, truncate: true }),
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
