/** Finds the manifest of a reference: through mirrors and schemes to an endpoint that has it, through an index to a platform. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { type Manifest, type ManifestIndex, parseManifest } from '../oci/manifest.ts';
import { isLayerType } from '../oci/media-types.ts';
import { formatPlatform, type Platform, selectByPlatform } from '../oci/platform.ts';
import type { Reference } from '../oci/reference.ts';
import type { RegistryAuth } from './image-types.ts';
import { type Endpoint, endpointsOf, type RegistryConfig } from './registry/endpoints.ts';
import { type FetchedManifest, RegistryClient } from './registry/registry-client.ts';
import type { Transport } from './registry/transport.ts';

export interface ResolvedManifest {
  client: RegistryClient;
  manifest: Manifest;
  /** The manifest, and before it the index that led to it: what the reference named is the first. */
  documents: FetchedManifest[];
}

/** Indexes may name indexes, but nobody builds them deep. */
const maxIndexDepth = 3;

export interface ManifestQuery {
  transport: Transport;
  config: RegistryConfig;
  reference: Reference;
  platform: Platform;
  auth: RegistryAuth | undefined;
  signal: AbortSignal | undefined;
}

/** Rejects with EngineError in Docker's words. */
export async function fetchManifest(query: ManifestQuery): Promise<ResolvedManifest> {
  const { client, fetched } = await firstAnswer(query);
  const documents: FetchedManifest[] = [fetched];
  let document = parseManifest(fetched.data, fetched.mediaType);
  for (let depth = 0; document.kind === 'index'; depth += 1) {
    if (depth === maxIndexDepth)
      throw new EngineError('invalid-argument', 'invalid image manifest: indexes within indexes');
    const next = await client.manifest(select(document, query.platform), query.signal);
    documents.push(next);
    document = parseManifest(next.data, next.mediaType);
  }
  checkLayers(document);
  return { client, manifest: document, documents };
}

/** Tries endpoint after endpoint. The last error counts, but one of a registry that answered more than one of a connection. */
async function firstAnswer(
  query: ManifestQuery,
): Promise<{ client: RegistryClient; fetched: FetchedManifest }> {
  const { transport, config, reference, auth, signal } = query;
  const failures: EngineError[] = [];
  for (const endpoint of endpointsOf(reference.domain, config)) {
    const client = new RegistryClient(transport, endpoint, reference, auth);
    try {
      return {
        client,
        fetched: await client.manifest(reference.digest ?? reference.tag ?? 'latest', signal),
      };
    } catch (error) {
      if (!isEngineError(error) || error.code === 'cancelled') throw error;
      failures.push(error);
      if (!leadsOn(endpoint, error)) break;
    }
  }
  const answered = failures.findLast(hasAnswer);
  throw answered ?? failures.at(-1) ?? new EngineError('internal', `no endpoint for ${reference.domain}`);
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
    },
  );
}

function offered(index: ManifestIndex): string {
  const names = index.manifests.flatMap((item) =>
    item.platform === undefined ? [] : [formatPlatform(item.platform)],
  );
  return [...new Set(names)].filter((name) => !name.startsWith('unknown')).join(', ');
}

function checkLayers(manifest: Manifest): void {
  const foreign = manifest.layers.find((layer) => !isLayerType(layer.mediaType));
  if (foreign === undefined) return;
  throw new EngineError(
    'invalid-argument',
    `unsupported layer media type ${foreign.mediaType.slice(0, 200)}`,
    {
      hint: 'this is no container image for Linux: it may be an artifact (a chart, a signature) or a Windows image',
    },
  );
}
