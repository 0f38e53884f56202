/** Disk usage of every image, container and volume. */
import type { BuildCacheRow, DiskUsageResponse } from '../../wire/system.ts';
import type { Volume } from '../../wire/volume.ts';
import { compileTemplate, formatRows, withPrefix } from '../output/format-rows.ts';
import { ago, humanSize, shortId } from '../output/human.ts';
import { executeTemplate } from '../template/evaluate.ts';
import { GoRow, GoStruct } from '../template/value.ts';
import { containerLayout, containerRow } from './container-row.ts';
import { imageLayout, imageRows } from './image-row.ts';
import { usageRows } from './usage-row.ts';

const imageColumns =
  '{{.Repository}}\t{{.Tag}}\t{{.ID}}\t{{.CreatedSince}}\t{{.Size}}\t{{.SharedSize}}\t{{.UniqueSize}}\t{{.Containers}}';
const containerColumns =
  '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.LocalVolumes}}\t{{.Size}}\t{{.RunningFor}}\t{{.Status}}\t{{.Names}}';

/** What `gantry system df -v` prints, or in `format`. EngineError `invalid-argument` for a bad template. */
export function detailedUsage(usage: DiskUsageResponse, format: string): string {
  if (format !== '' && format !== 'table') return formatted(detailRows(usage, false), format);
  const rows = detailRows(usage, true);
  const cache = usageRows(usage)[3]?.methods['Size']?.();
  return [
    'Images space usage:\n',
    formatRows('', false, { ...imageLayout(false), columns: imageColumns }, rows.Images),
    'Containers space usage:\n',
    formatRows('', false, { ...containerLayout(true), columns: containerColumns }, rows.Containers),
    'Local Volumes space usage:\n',
    formatRows('', false, volumeLayout, rows.Volumes),
    `Build cache usage: ${String(cache ?? '0B')}\n`,
    formatRows('', false, cacheLayout, rows.BuildCache),
  ].join('\n');
}

type DetailRows = Record<'Images' | 'Containers' | 'Volumes' | 'BuildCache', GoRow[]>;

/** Of several names of an image only the first is shown: its size counts once. */
function detailRows(usage: DiskUsageResponse, truncate: boolean): DetailRows {
  return {
    Images: (usage.Images ?? []).flatMap((image) =>
      imageRows(image, { digests: false, truncate }).slice(0, 1).map(withoutDigest),
    ),
    Containers: (usage.Containers ?? []).map((container) =>
      containerRow({ ...container, SizeRootFs: 0 }, truncate),
    ),
    Volumes: (usage.Volumes ?? []).map(volumeRow),
    BuildCache: (usage.BuildCache ?? []).map((row) => cacheRow(row, truncate)),
  };
}

/** Docker's client does not know it here. */
function withoutDigest({ name, methods }: GoRow): GoRow {
  return new GoRow(name, { ...methods, Digest: () => '' });
}

function formatted(rows: DetailRows, format: string): string {
  const template = withPrefix('template parsing error', () =>
    compileTemplate(format === 'json' ? '{{json .}}' : format),
  );
  return executeTemplate(template, new GoStruct(new Map(Object.entries(rows))));
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

function cacheRow(row: BuildCacheRow, truncate: boolean): GoRow {
  const { LastUsedAt } = row;
  return new GoRow('build cache', {
    ID: () => `${truncate ? shortId(row.ID) : row.ID}${row.InUse ? '*' : ''}`,
    CacheType: () => row.Type,
    Size: () => humanSize(row.Size, 3),
    CreatedSince: () => ago(Date.parse(row.CreatedAt) / 1000),
    LastUsedSince: () => (LastUsedAt === null ? '' : ago(Date.parse(LastUsedAt) / 1000)),
    UsageCount: () => String(row.UsageCount),
    Shared: () => String(row.Shared),
  });
}
