/** A process of its own that serves a registry and collects its garbage as its parent says: `node registry-host.ts DIRECTORY`. */
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRegistryServer, registryServerOptions } from '../../src/registry/registry-server.ts';
import type {
  CollectOptions,
  CollectReport,
  RegistryParts,
  StoredTotals,
} from '../../src/registry/registry-types.ts';
import { openLocalStorage } from '../../src/registry/storage/open-local-storage.ts';

/** What the parent sends; each is answered by one `HostAnswer`. */
export type HostOrder =
  | { order: 'loop'; grace: number }
  | { order: 'stop-loop' }
  | { order: 'collect'; grace: number }
  | { order: 'totals' }
  | { order: 'end' };

export interface HostAnswer {
  port?: number;
  runs?: number;
  report?: CollectReport;
  totals?: StoredTotals;
  error?: string;
}

const directory = process.argv[2] ?? '';
const storage = await openLocalStorage(directory);
const parts: RegistryParts = {
  storage,
  access: { authorize: () => Promise.resolve({ name: '' }), mayPull: () => Promise.resolve(true) },
  listeners: [],
  settings: { readOnly: false, deletes: true, relativeUrls: true, host: '', headers: {}, catalogLimit: 1000 },
};
const server = createServer(registryServerOptions, createRegistryServer(parts).handle);
const total: CollectReport = { blobs: 0, manifests: 0, uploads: 0, freed: 0 };
let runs = 0;
let isLooping = false;
let loop: Promise<void> = Promise.resolve();

async function collect(options: Pick<CollectOptions, 'grace'>): Promise<CollectReport> {
  const report = await storage.collect({ ...options, untagged: true, dryRun: false });
  runs += 1;
  for (const key of ['blobs', 'manifests', 'uploads', 'freed'] as const) total[key] += report[key];
  return report;
}

async function collectAgainAndAgain(grace: number): Promise<void> {
  while (isLooping) {
    await collect({ grace });
    await sleep(20);
  }
}

async function obey(order: HostOrder): Promise<HostAnswer> {
  switch (order.order) {
    case 'loop':
      isLooping = true;
      loop = collectAgainAndAgain(order.grace);
      loop.catch(() => undefined);
      return {};
    case 'stop-loop':
      isLooping = false;
      await loop;
      return { runs, report: total };
    case 'collect':
      return { report: await collect(order) };
    case 'totals':
      return { totals: await storage.totals() };
    case 'end':
      server.closeAllConnections();
      server.close();
      await storage.close();
      process.disconnect();
      return {};
  }
}

process.on('message', (order: HostOrder) => {
  const answer = (message: HostAnswer): void => {
    if (process.connected) process.send?.(message);
  };
  obey(order).then(answer, (error: unknown) => answer({ error: String(error) }));
});
process.on('disconnect', () => process.exit());
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  process.send?.({ port } satisfies HostAnswer);
});
