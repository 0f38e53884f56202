/** Finds the manifest of a reference: through mirrors and schemes to an endpoint that has it, through an index to a platform. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { type Manifest, type ManifestIndex, parseManifest } from '../oci/manifest.ts';
import { isLayerType, mediaTypes } from '../oci/media-types.ts';
import { formatPlatform, type Platform, selectByPlatform } from '../oci/platform.ts';
import type { Reference } from '../oci/reference.ts';
import type { RegistryAuth } from './image-types.ts';
import { type Endpoint, endpointsOf, ownEndpoints, type RegistryConfig } from './registry/endpoints.ts';
import { type FetchedManifest, RegistryClient } from './registry/registry-client.ts';
import { withResolvedInsecure } from './registry/resolved-insecure.ts';
import type { Transport } from './registry/transport.ts';

export interface ResolvedManifest {
  client: RegistryClient;
  manifest: Manifest;
  /** The manifest, and before it the index that led to it: what the reference named is the first. */
  documents: FetchedManifest[];
}

/** Indexes may name indexes, but nobody builds them deep. */
const maxIndexDepth = 3;

/** A repository, and how to reach it. */
export interface RepositoryQuery {
  transport: Transport;
  config: RegistryConfig;
  reference: Reference;
  auth: RegistryAuth | undefined;
  signal: AbortSignal | undefined;
}

export interface ManifestQuery extends RepositoryQuery {
  platform: Platform;
}

/** Rejects with EngineError in Docker's words. */
export async function fetchManifest(query: ManifestQuery): Promise<ResolvedManifest> {
  const { client, answer } = await fetchDocument(query);
  const documents: FetchedManifest[] = [answer];
  let document = parseManifest(answer.data, answer.mediaType);
  for (let depth = 0; document.kind === 'index'; depth += 1) {
    if (depth === maxIndexDepth)
      throw new EngineError('invalid-argument', 'invalid image manifest: indexes within indexes');
    const next = await client.manifest(select(document, query.platform), query.signal);
    documents.push(next);
    document = parseManifest(next.data, next.mediaType);
  }
  checkImage(document);
  return { client, manifest: document, documents };
}

/** What the reference names: a manifest or an index. */
export function fetchDocument(
  query: RepositoryQuery,
): Promise<{ client: RegistryClient; answer: FetchedManifest }> {
  const { reference, signal } = query;
  return firstAnswer(query, (client) =>
    client.manifest(reference.digest ?? reference.tag ?? 'latest', signal),
  );
}

/** Asks endpoint after endpoint of a repository. The last error counts, but one of a registry that answered more than one of a connection. */
export async function firstAnswer<T>(
  { transport, config, reference, auth }: RepositoryQuery,
  ask: (client: RegistryClient) => Promise<T>,
): Promise<{ client: RegistryClient; answer: T }> {
  const { domain } = reference;
  const endpoints = endpointsOf(domain, await withResolvedInsecure(domain, config));
  return await firstEndpoint(endpoints, async (endpoint) => {
    const client = new RegistryClient(transport, endpoint, reference, auth);
    return { client, answer: await ask(client) };
  });
}

/** The registry itself, for what mirrors cannot do. */
export async function firstOwnEndpoint<T>(
  domain: string,
  config: RegistryConfig,
  ask: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  return await firstEndpoint(ownEndpoints(domain, await withResolvedInsecure(domain, config)), ask);
}

/** Asks one after the other, until one answers. */
export async function firstEndpoint<T>(
  endpoints: readonly Endpoint[],
  ask: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  const failures: EngineError[] = [];
  for (const endpoint of endpoints) {
    try {
      return await ask(endpoint);
    } catch (error) {
      if (!isEngineError(error) || error.code === 'cancelled') throw error;
      failures.push(error);
      if (!leadsOn(endpoint, error)) break;
    }
  }
  const answered = failures.findLast(hasAnswer);
  throw answered ?? failures.at(-1) ?? new EngineError('internal', 'there is no endpoint to ask');
}

function hasAnswer(error: EngineError): boolean {
  return 'status' in error.details;
}

/** A mirror need not have everything; HTTPS and HTTP are two doors of one registry. */
function leadsOn(endpoint: Endpoint, error: EngineError): boolean {
  return endpoint.isMirror || (endpoint.isInsecure && error.code === 'unavailable' && !hasAnswer(error));
}

function select(index: ManifestIndex, platform: Platform): string {
  // BuildKit's attestations have a platform that nothing runs on.
  const chosen = selectByPlatform(index.manifests, platform);
  if (chosen !== undefined) return chosen.digest;
  throw new EngineError(
    'not-found',
    `no matching manifest for ${formatPlatform(platform)} in the manifest list entries`,
    {
      hint: `the image exists for ${offered(index) || 'no platform'}: choose one of these with --platform`,
      details: { isOtherKind: true },
    },
  );
}

function offered(index: ManifestIndex): string {
  const names = index.manifests.flatMap((item) =>
    item.platform === undefined ? [] : [formatPlatform(item.platform)],
  );
  return [...new Set(names)].filter((name) => !name.startsWith('unknown')).join(', ');
}

/** Old tools gave configs other types, and Docker still takes them. */
const configTypes = new Set<string>([
  mediaTypes.ociConfig,
  mediaTypes.dockerConfig,
  'application/octet-stream',
  'application/json',
  'text/html',
  'text/plain',
  '',
]);

/** Is it an image of Linux? Charts, signatures and such are stored in registries too, and so are images of Windows. */
function checkImage(manifest: Manifest): void {
  const { mediaType } = manifest.config;
  if (!configTypes.has(mediaType)) throw notAnImage(`unsupported media type ${mediaType.slice(0, 200)}`);
  const foreign = manifest.layers.find((layer) => !isLayerType(layer.mediaType));
  if (foreign !== undefined)
    throw notAnImage(`unsupported layer media type ${foreign.mediaType.slice(0, 200)}`);
}

function notAnImage(message: string): EngineError {
  return new EngineError('invalid-argument', message, {
    hint: 'this is no container image for Linux: it may be an artifact (a chart, a signature) or a Windows image',
    details: { isOtherKind: true },
  });
}
