/** What registries are asked besides images: their manifests, and whether credentials are good. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { digestOf } from '../oci/digest.ts';
import { type Manifest, parseManifest } from '../oci/manifest.ts';
import { parseImageConfig } from '../oci/parse-image-config.ts';
import { normalizePlatform, type Platform } from '../oci/platform.ts';
import { familiarReference, parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import { fetchDocument, firstOwnEndpoint } from './fetch-manifest.ts';
import type { ImageParts } from './image-parts.ts';
import type { DistributionInfo, RegistryAuth, RegistryLogin, RemoteManifest } from './image-types.ts';
import { readBytes } from './registry/read-text.ts';
import type { FetchedManifest, RegistryClient } from './registry/registry-client.ts';
import { textOfFailure } from './registry/registry-error.ts';
import { RegistrySession } from './registry/registry-session.ts';

/** Bytes of a configuration at most. */
const maxConfigSize = 8 * 1024 * 1024;

export async function inspectDistribution(
  { transport, config }: ImageParts,
  name: string,
  auth?: RegistryAuth,
  signal?: AbortSignal,
): Promise<DistributionInfo> {
  const reference = withDefaultTag(parseReference(name));
  const { client, answer } = await fetchDocument({ transport, config, reference, auth, signal });
  const document = parseManifest(answer.data, answer.mediaType);
  const platforms =
    document.kind === 'index'
      ? document.manifests.map(({ platform }) => platform)
      : [await platformOf(client, document, signal)].map((own) => own && normalizePlatform(own));
  return {
    mediaType: document.mediaType,
    digest: answer.digest,
    size: answer.data.length,
    platforms: platforms.filter((platform) => platform !== undefined),
  };
}

/** As its maker wrote it; undefined for what is no image. */
async function platformOf(
  client: RegistryClient,
  { config }: Manifest,
  signal?: AbortSignal,
): Promise<Platform | undefined> {
  try {
    const { body } = await client.blob(config.digest, 0, signal);
    const data = await readBytes(body, maxConfigSize);
    if (digestOf(data) !== config.digest) return undefined;
    const { os, architecture, variant } = parseImageConfig(data);
    return { os, architecture, ...(variant === undefined ? {} : { variant }) };
  } catch (error) {
    if (isEngineError(error, 'invalid-argument') || isEngineError(error, 'not-found')) return undefined;
    throw error;
  }
}

export async function remoteManifests(
  { transport, config }: ImageParts,
  name: string,
  options: { expand: boolean; insecure: boolean },
  auth?: RegistryAuth,
  signal?: AbortSignal,
): Promise<RemoteManifest[]> {
  const reference = withDefaultTag(parseReference(name));
  const insecureRegistries = [...config.insecureRegistries, ...(options.insecure ? [reference.domain] : [])];
  const asked = { ...config, insecureRegistries };
  const { client, answer } = await fetchDocument({ transport, config: asked, reference, auth, signal });
  const document = parseManifest(answer.data, answer.mediaType);
  if (document.kind === 'manifest') {
    const platform = options.expand ? await platformOf(client, document, signal) : undefined;
    return [remoteManifest(reference, document.mediaType, answer, platform)];
  }
  if (!options.expand) return [remoteManifest(reference, document.mediaType, answer, undefined)];
  const found: RemoteManifest[] = [];
  for (const { digest, mediaType, platform } of document.manifests)
    found.push(remoteManifest(reference, mediaType, await client.manifest(digest, signal), platform));
  return found;
}

function remoteManifest(
  reference: Reference,
  mediaType: string,
  { digest, data }: FetchedManifest,
  platform: Platform | undefined,
): RemoteManifest {
  return {
    reference: familiarReference({ ...reference, digest }),
    mediaType,
    digest,
    data,
    ...(platform === undefined ? {} : { platform }),
  };
}

/** Docker Hub's old address still stands for it. */
function domainOf(server: string): string {
  const host = server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
  return ['', 'index.docker.io', 'registry-1.docker.io'].includes(host) ? 'docker.io' : host;
}

/** Asks `/v2/` with the credentials. EngineError `unauthorized` in Docker's words. */
export async function checkLogin(
  { transport, config }: ImageParts,
  server: string,
  auth: RegistryAuth,
  signal?: AbortSignal,
): Promise<RegistryLogin> {
  const domain = domainOf(server);
  return await firstOwnEndpoint(domain, config, async (endpoint) => {
    const session = new RegistrySession(transport, endpoint, auth, { isOffline: true });
    const url = session.url('');
    const answer = await session
      .send({ path: '', scopes: [], signal })
      .catch((error: unknown) => Promise.reject(refusal(url, error)));
    if (answer.status === 200) {
      answer.body.resume();
      return { status: 'Login Succeeded', identityToken: session.authorizer.identityToken };
    }
    const failure = await session.failure(answer);
    const isRefused = answer.status === 401 || answer.status === 403;
    throw new EngineError(
      isRefused ? 'unauthorized' : 'unavailable',
      `Get "${url.href}": ${textOfFailure(failure)}`,
      {
        hint: isRefused
          ? 'check user name and password'
          : (failure.hint ?? `check that ${domain} is a registry`),
        details: { status: answer.status, code: failure.code },
      },
    );
  });
}

/** What a token server says is said of the registry. */
function refusal(url: URL, error: unknown): unknown {
  if (!isEngineError(error, 'unauthorized')) return error;
  return new EngineError('unauthorized', `Get "${url.href}": ${error.message}`, {
    cause: error,
    hint: 'check user name and password',
    details: error.details,
  });
}
