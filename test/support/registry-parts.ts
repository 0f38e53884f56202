/** A registry's HTTP side on loopback, over a storage in memory, with what happened kept for tests to look at. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { EngineError } from '../../src/errors/engine-error.ts';
import { digestOf } from '../../src/oci/digest.ts';
import { createRegistryServer, registryServerOptions } from '../../src/registry/registry-server.ts';
import type {
  AnsweredRequest,
  Page,
  RegistryEvent,
  RegistryParts,
  RegistrySettings,
  RegistryStorage,
  StoredBlob,
  StoredManifest,
  Upload,
} from '../../src/registry/registry-types.ts';

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
  const storage = parts.storage ?? memoryStorage();
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
  };
  return { url: `http://127.0.0.1:${port}`, storage, events, answers, stop };
}

interface Repo {
  blobs: Set<string>;
  manifests: Map<string, StoredManifest>;
  tags: Map<string, { digest: string; taggedAt: number }>;
}

function memoryStorage(): RegistryStorage {
  const bytes = new Map<string, Buffer>();
  const repos = new Map<string, Repo>();
  const uploads = new Map<string, { repository: string; data: Buffer; held: boolean; startedAt: number }>();
  const repo = (name: string): Repo => {
    const found = repos.get(name) ?? { blobs: new Set(), manifests: new Map(), tags: new Map() };
    repos.set(name, found);
    return found;
  };
  const stored = (digest: string): StoredBlob => ({
    digest,
    size: bytes.get(digest)?.length ?? 0,
    usedAt: Date.now(),
  });
  const hold = (id: string): Upload => {
    const one = uploads.get(id);
    if (one === undefined) throw new Error('no upload');
    one.held = true;
    return {
      status: { id, repository: one.repository, offset: one.data.length, startedAt: one.startedAt },
      write: async (data) => {
        one.data = Buffer.concat([one.data, data]);
      },
      suspend: async () => {
        one.held = false;
      },
      cancel: async () => void uploads.delete(id),
      commit: async (digest) => {
        uploads.delete(id);
        if (digestOf(one.data) !== digest) throw new EngineError('data-loss', 'other bytes');
        bytes.set(digest, one.data);
        repo(one.repository).blobs.add(digest);
        return stored(digest);
      },
    };
  };
  const cut = <T>(all: T[], nameOf: (item: T) => string, { after, limit }: Page): T[] =>
    all
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
      .filter((item) => after === undefined || nameOf(item) > after)
      .slice(0, limit);
  return {
    blob: async (repository, digest) =>
      repos.get(repository)?.blobs.has(digest) ? stored(digest) : undefined,
    open: async (digest, range) => {
      const data = bytes.get(digest) ?? Buffer.alloc(0);
      return Readable.from([range === undefined ? data : data.subarray(range.first, range.last + 1)]);
    },
    read: async (digest) => {
      const data = bytes.get(digest);
      if (data === undefined) throw new EngineError('not-found', 'no such blob');
      return data;
    },
    mount: async (repository, digest, from) => {
      if (from === undefined ? !bytes.has(digest) : !repos.get(from)?.blobs.has(digest)) return undefined;
      repo(repository).blobs.add(digest);
      return stored(digest);
    },
    deleteBlob: async (repository, digest) => {
      for (const { references } of repo(repository).manifests.values())
        if (references.includes(digest)) throw new EngineError('conflict', 'needed');
      return repo(repository).blobs.delete(digest);
    },
    beginUpload: async (repository) => {
      const id = randomUUID();
      uploads.set(id, { repository, data: Buffer.alloc(0), held: true, startedAt: Date.now() });
      return hold(id);
    },
    resumeUpload: async (repository, id) => {
      const one = uploads.get(id);
      if (one?.held === true) throw new EngineError('conflict', 'held');
      return one?.repository === repository ? hold(id) : undefined;
    },
    uploadStatus: async (repository, id) => {
      const one = uploads.get(id);
      return one?.repository === repository
        ? { id, repository, offset: one.data.length, startedAt: one.startedAt }
        : undefined;
    },
    manifest: async (repository, digest) => repos.get(repository)?.manifests.get(digest),
    tag: async (repository, name) => {
      const one = repos.get(repository)?.tags.get(name);
      return one === undefined ? undefined : { name, ...one };
    },
    putManifest: async (repository, manifest, data, tags) => {
      const { blobs, manifests, tags: names } = repo(repository);
      for (const digest of manifest.references)
        if (!blobs.has(digest) && !manifests.has(digest))
          throw new EngineError('not-found', 'missing', { details: { digest } });
      bytes.set(manifest.digest, data);
      const whole = { ...manifest, size: data.length, pushedAt: Date.now(), pulledAt: 0 };
      manifests.set(manifest.digest, whole);
      for (const name of tags) names.set(name, { digest: manifest.digest, taggedAt: Date.now() });
      return whole;
    },
    deleteManifest: async (repository, digest) => {
      const { manifests, tags } = repo(repository);
      for (const [name, tag] of tags) if (tag.digest === digest) tags.delete(name);
      return manifests.delete(digest);
    },
    deleteTag: async (repository, name) => repo(repository).tags.delete(name),
    notePull: () => undefined,
    referrers: async (repository, digest) =>
      [...(repos.get(repository)?.manifests.values() ?? [])].filter(({ subject }) => subject === digest),
    repositories: async (page) =>
      cut(
        [...repos].flatMap(([name, { manifests }]) => (manifests.size > 0 ? [name] : [])),
        (name) => name,
        page,
      ),
    tags: async (repository, page) => {
      const found = repos.get(repository);
      if (found === undefined) return undefined;
      return cut(
        [...found.tags].map(([name, tag]) => ({ name, ...tag })),
        ({ name }) => name,
        page,
      );
    },
    manifests: async (repository) => [...(repos.get(repository)?.manifests.values() ?? [])],
    usage: async () => 0,
    collect: async () => ({ blobs: 0, manifests: 0, uploads: 0, freed: 0 }),
    close: async () => undefined,
  };
}
