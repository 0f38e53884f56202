/** Metrics of what the registry keeps and serves: blobs, bytes, uploads, pulls, pushes, collections. */
import { Counter, Gauge, type Registry } from 'prom-client';
import { manifestKind } from '../../oci/media-types.ts';
import type { RetentionReport } from '../policy/apply-retention.ts';
import type { CollectReport, RegistryEvent, StoredTotals } from '../registry-types.ts';

export interface ContentMetrics {
  listener(event: RegistryEvent): void;
  /** After a collection that was no dry run. */
  onCollect(report: CollectReport, milliseconds: number): void;
  onRetention(report: RetentionReport): void;
}

/** Repositories with a label of their own; those that come later share one. */
const defaultRepositoryLimit = 500;
const otherRepositories = '(other)';

export function createContentMetrics(
  registry: Registry,
  repositoryLimit = defaultRepositoryLimit,
): ContentMetrics {
  const counters = new Map<RegistryEvent['action'], Counter<'repository'>>();
  for (const action of ['pull', 'push', 'mount', 'delete'] as const)
    counters.set(action, eventCounter(registry, action));
  const labelled = new Set<string>();
  const labelOf = (repository: string): string => {
    if (labelled.size < repositoryLimit) labelled.add(repository);
    return labelled.has(repository) ? repository : otherRepositories;
  };
  return {
    listener: ({ action, repository, mediaType }) => {
      // One pull or push of an image is many of blobs; only its manifests are counted.
      if (action !== 'mount' && action !== 'delete' && manifestKind(mediaType) === 'unknown') return;
      counters.get(action)?.inc({ repository: labelOf(repository) });
    },
    onCollect: collectionCounters(registry),
    onRetention: retentionCounters(registry),
  };
}

const eventHelp = {
  pull: 'Manifests that were pulled.',
  push: 'Manifests that were pushed.',
  mount: 'Blobs that were mounted from another repository.',
  delete: 'Manifests, tags and blobs that clients deleted.',
};
const eventNames = { pull: 'pulls', push: 'pushes', mount: 'mounts', delete: 'deletions' };

function eventCounter(registry: Registry, action: RegistryEvent['action']): Counter<'repository'> {
  return new Counter({
    registers: [registry],
    name: `gantry_registry_${eventNames[action]}_total`,
    help: eventHelp[action],
    labelNames: ['repository'],
  });
}

function plainCounter(registry: Registry, name: string, help: string): Counter {
  return new Counter({ registers: [registry], name: `gantry_registry_${name}`, help });
}

function collectionCounters(registry: Registry): ContentMetrics['onCollect'] {
  const runs = plainCounter(registry, 'collections_total', 'Garbage collections that came to their end.');
  const seconds = plainCounter(registry, 'collection_seconds_total', 'Time that garbage collections took.');
  const bytes = plainCounter(registry, 'collected_bytes_total', 'Bytes that garbage collections freed.');
  const blobs = plainCounter(registry, 'collected_blobs_total', 'Blobs that garbage collections deleted.');
  const manifests = plainCounter(
    registry,
    'collected_manifests_total',
    'Manifests that garbage collections deleted.',
  );
  const uploads = plainCounter(
    registry,
    'collected_uploads_total',
    'Uploads that were given up for lack of progress.',
  );
  return (report, milliseconds) => {
    runs.inc();
    seconds.inc(milliseconds / 1000);
    bytes.inc(report.freed);
    blobs.inc(report.blobs);
    manifests.inc(report.manifests);
    uploads.inc(report.uploads);
  };
}

function retentionCounters(registry: Registry): ContentMetrics['onRetention'] {
  const runs = plainCounter(registry, 'retention_runs_total', 'Times that the retention rules were applied.');
  const tags = plainCounter(registry, 'retention_tags_total', 'Tags that retention rules deleted.');
  const manifests = plainCounter(
    registry,
    'retention_manifests_total',
    'Manifests that retention rules deleted.',
  );
  return (report) => {
    if (report.dryRun) return;
    runs.inc();
    tags.inc(report.tags.length);
    manifests.inc(report.manifests.length);
  };
}

/** Asked at each scrape, once for the three; a storage that does not answer leaves them as they were. */
export function registerTotals(registry: Registry, totals: () => Promise<StoredTotals>): void {
  let look: Promise<StoredTotals | undefined> | undefined;
  const lookOnce = (): Promise<StoredTotals | undefined> => {
    look ??= totals()
      .catch(() => undefined)
      .finally(() => {
        look = undefined;
      });
    return look;
  };
  const gauge = (name: string, help: string, key: keyof StoredTotals): Gauge =>
    new Gauge({
      registers: [registry],
      name: `gantry_registry_${name}`,
      help,
      async collect() {
        const found = await lookOnce();
        if (found !== undefined) this.set(found[key]);
      },
    });
  gauge('blobs', 'Blobs that are stored.', 'blobs');
  gauge('stored_bytes', 'Bytes of all blobs.', 'bytes');
  gauge('uploads', 'Uploads under way or interrupted.', 'uploads');
}
