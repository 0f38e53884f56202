/** Disk usage by kind of object. */
import type { DiskUsageResponse } from '../../wire/system.ts';
import { humanSize } from '../output/human.ts';
import { GoRow } from '../template/value.ts';

export const usageLayout = {
  columns: '{{.Type}}\t{{.TotalCount}}\t{{.Active}}\t{{.Size}}\t{{.Reclaimable}}',
  headings: { Type: 'TYPE', TotalCount: 'TOTAL', Active: 'ACTIVE', Size: 'SIZE', Reclaimable: 'RECLAIMABLE' },
};

interface Usage {
  type: string;
  total: number;
  active: number;
  size: number;
  reclaimable: number;
}

export function usageRows(usage: DiskUsageResponse): GoRow[] {
  return [imageUsage(usage), containerUsage(usage), volumeUsage(usage), cacheUsage(usage)].map(
    (row) =>
      new GoRow('disk usage', {
        Type: () => row.type,
        TotalCount: () => String(row.total),
        Active: () => String(row.active),
        Size: () => humanSize(row.size),
        Reclaimable: () => reclaimable(row),
      }),
  );
}

function reclaimable({ type, size, reclaimable }: Usage): string {
  const share = size > 0 && type !== 'Build Cache' ? ` (${Math.trunc((reclaimable * 100) / size)}%)` : '';
  return humanSize(reclaimable) + share;
}

function imageUsage({ Images, LayersSize }: DiskUsageResponse): Usage {
  const images = Images ?? [];
  const active = images.filter(({ Containers }) => Containers > 0);
  const used = active.filter(({ Size, SharedSize }) => Size !== -1 && SharedSize !== -1);
  const usedSize = used.reduce((sum, { Size, SharedSize }) => sum + Size - SharedSize, 0);
  return {
    type: 'Images',
    total: images.length,
    active: active.length,
    size: LayersSize,
    reclaimable: LayersSize - usedSize,
  };
}

function containerUsage({ Containers }: DiskUsageResponse): Usage {
  const containers = Containers ?? [];
  const active = containers.filter(({ State }) => ['running', 'paused', 'restarting'].includes(State));
  const sizeOf = (list: typeof containers) => list.reduce((sum, { SizeRw = 0 }) => sum + SizeRw, 0);
  const size = sizeOf(containers);
  return {
    type: 'Containers',
    total: containers.length,
    active: active.length,
    size,
    reclaimable: size - sizeOf(active),
  };
}

function volumeUsage({ Volumes }: DiskUsageResponse): Usage {
  const volumes = Volumes ?? [];
  const active = volumes.filter(({ UsageData }) => (UsageData?.RefCount ?? 0) > 0);
  const sizeOf = (list: typeof volumes) =>
    list.reduce((sum, { UsageData }) => sum + Math.max(0, UsageData?.Size ?? 0), 0);
  const size = sizeOf(volumes);
  return {
    type: 'Local Volumes',
    total: volumes.length,
    active: active.length,
    size,
    reclaimable: size - sizeOf(active),
  };
}

function cacheUsage({ BuildCache }: DiskUsageResponse): Usage {
  const entries = BuildCache ?? [];
  const sizeOf = (list: typeof entries) => list.reduce((sum, { Size }) => sum + Size, 0);
  const own = entries.filter(({ Shared }) => !Shared);
  return {
    type: 'Build Cache',
    total: entries.length,
    active: entries.filter(({ InUse }) => InUse).length,
    size: sizeOf(own),
    reclaimable: sizeOf(own.filter(({ InUse }) => !InUse)),
  };
}
