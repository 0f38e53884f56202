/** A registry of ours that caches upstreams, and what tests ask it again and again. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { digestOf } from '../../src/oci/digest.ts';
import { createUpstreamCache, type PurgingUpstreamCache } from '../../src/registry/proxy/upstream-cache.ts';
import type { UpstreamOptions } from '../../src/registry/proxy/upstream-options.ts';
import type { RegistryStorage } from '../../src/registry/registry-types.ts';
import { openLocalStorage } from '../../src/registry/storage/open-local-storage.ts';
import { buildImage, type FixtureBlob, type FixtureImage } from './image-fixtures.ts';
import { type ServedRegistry, serveRegistry } from './registry-parts.ts';
import { tarOf } from './tar-writer.ts';

export interface CachingRegistry {
  url: string;
  storage: RegistryStorage;
  cache: PurgingUpstreamCache;
  warnings: string[];
  stop(): Promise<void>;
}

/** A registry of ours over a file system, with upstreams. */
export async function startProxy(...upstreams: UpstreamOptions[]): Promise<CachingRegistry> {
  const directory = await mkdtemp(join(tmpdir(), 'gantry-proxy-'));
  const storage = await openLocalStorage(directory);
  const warnings: string[] = [];
  const cache = createUpstreamCache({ storage, upstreams, warn: (text) => void warnings.push(text) });
  const served: ServedRegistry = await serveRegistry({ storage, upstreams: cache });
  const stop = async (): Promise<void> => {
    await cache.close();
    await served.stop();
    await rm(directory, { recursive: true, force: true });
  };
  return { url: served.url, storage, cache, warnings, stop };
}

export function image(size = 2000, architecture = 'amd64'): FixtureImage {
  const tar = tarOf([{ name: 'data', data: randomBytes(size) }]);
  return buildImage({ layers: [tar], compression: 'none', platform: { os: 'linux', architecture } });
}

export function layerOf({ layers }: FixtureImage): FixtureBlob {
  assert.ok(layers[0] !== undefined);
  return layers[0];
}

export async function getManifest(proxy: CachingRegistry, path: string, query = ''): Promise<Response> {
  const accept = [
    'application/vnd.oci.image.index.v1+json',
    'application/vnd.oci.image.manifest.v1+json',
  ].join(', ');
  const [repository, reference] = path.split('|');
  return await fetch(`${proxy.url}/v2/${repository}/manifests/${reference}${query}`, { headers: { accept } });
}

export async function digestAt(proxy: CachingRegistry, path: string, query = ''): Promise<string> {
  const answer = await getManifest(proxy, path, query);
  const data = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, data.toString());
  return digestOf(data);
}

export async function getBlob(proxy: CachingRegistry, repository: string, digest: string): Promise<Buffer> {
  const answer = await fetch(`${proxy.url}/v2/${repository}/blobs/${digest}`);
  const data = Buffer.from(await answer.arrayBuffer());
  assert.equal(answer.status, 200, data.subarray(0, 500).toString());
  return data;
}
