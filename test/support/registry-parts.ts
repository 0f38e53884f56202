/** A registry's HTTP side on loopback, over a storage of its own, with what happened kept for tests to look at. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRegistryServer, registryServerOptions } from '../../src/registry/registry-server.ts';
import type {
  AnsweredRequest,
  RegistryEvent,
  RegistryParts,
  RegistrySettings,
  RegistryStorage,
} from '../../src/registry/registry-types.ts';
import { openLocalStorage } from '../../src/registry/storage/open-local-storage.ts';

export interface ServedRegistry {
  /** `http://127.0.0.1:PORT`. */
  url: string;
  storage: RegistryStorage;
  events: RegistryEvent[];
  answers: AnsweredRequest[];
  stop(): Promise<void>;
}

export interface ServedOptions extends Partial<Omit<RegistryParts, 'settings' | 'listeners' | 'onAnswer'>> {
  settings?: Partial<RegistrySettings>;
}

const defaults: RegistrySettings = {
  readOnly: false,
  deletes: true,
  relativeUrls: false,
  host: '',
  headers: { 'X-Content-Type-Options': ['nosniff'] },
  catalogLimit: 1000,
};

/** Everyone may do everything, where no other access control is given. */
export async function serveRegistry(options: ServedOptions = {}): Promise<ServedRegistry> {
  const { settings, ...parts } = options;
  const events: RegistryEvent[] = [];
  const answers: AnsweredRequest[] = [];
  const directory = await mkdtemp(join(tmpdir(), 'gantry-registry-'));
  const storage = parts.storage ?? (await openLocalStorage(directory));
  const registry = createRegistryServer({
    access: { authorize: async () => ({ name: '' }), mayPull: async () => true },
    ...parts,
    storage,
    listeners: [(event) => void events.push(event)],
    settings: { ...defaults, ...settings },
    onAnswer: (answer) => void answers.push(answer),
  });
  const server = createServer(registryServerOptions, registry.handle);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    await storage.close();
    await rm(directory, { recursive: true, force: true });
  };
  return { url: `http://127.0.0.1:${port}`, storage, events, answers, stop };
}
