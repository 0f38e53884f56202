/** Puts a ready manifest or index into a registry, for `manifest push`; what a manifest names is mounted from another repository there first. */
import { EngineError } from '../errors/engine-error.ts';
import { digestOf } from '../oci/digest.ts';
import { parseManifest } from '../oci/manifest.ts';
import { parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import { firstOwnEndpoint } from './fetch-manifest.ts';
import type { ImageParts } from './image-parts.ts';
import type { ManifestPut } from './image-types.ts';
import { RegistryPusher } from './registry/registry-pusher.ts';

/** Gives the digest. EngineErrors in Docker's words; `invalid-argument` for what is no manifest, or has another digest than it is put under. */
export async function putManifest({ transport, config }: ImageParts, put: ManifestPut): Promise<string> {
  const reference = withDefaultTag(parseReference(put.reference));
  const digest = digestOf(put.data);
  if (reference.digest !== undefined && reference.digest !== digest) {
    const message = `the manifest has the digest ${digest}, not ${reference.digest}`;
    throw new EngineError('invalid-argument', message);
  }
  const blobs = put.from === undefined ? [] : blobsOf(put);
  const from = put.from === undefined ? '' : sourceRepository(put.from, reference);
  const insecureRegistries = [...config.insecureRegistries, ...(put.insecure ? [reference.domain] : [])];
  return await firstOwnEndpoint(reference.domain, { ...config, insecureRegistries }, async (endpoint) => {
    const signal = put.signal ?? new AbortController().signal;
    const pusher = new RegistryPusher(transport, endpoint, reference, put.auth, signal);
    await pusher.ping();
    for (const blob of blobs) await mountBlob(pusher, blob, from);
    await pusher.putManifest(reference.digest ?? reference.tag ?? 'latest', { ...put, digest });
    return digest;
  });
}

/** What a manifest needs in its repository. */
function blobsOf({ data, mediaType }: ManifestPut): string[] {
  const document = parseManifest(data, mediaType);
  if (document.kind === 'index') return [];
  return [...new Set([document.config, ...document.layers].map(({ digest }) => digest))];
}

/** The path of the repository to mount from, which is at the same registry. */
function sourceRepository(name: string, target: Reference): string {
  const source = parseReference(name);
  if (source.domain === target.domain) return source.path;
  const message = `cannot use source images from a different registry than the target image: ${source.domain} != ${target.domain}`;
  throw new EngineError('invalid-argument', message, {
    hint: 'Push the image to the registry of the list first.',
  });
}

async function mountBlob(pusher: RegistryPusher, digest: string, from: string): Promise<void> {
  if (await pusher.hasBlob(digest)) return;
  const session = await pusher.begin(digest, from);
  if (session === undefined) return;
  await pusher.cancel(session);
  throw new EngineError('failed-precondition', `the registry does not mount ${digest} from ${from}`, {
    hint: 'Push the image to the repository of the list itself, and take that one for the list.',
  });
}
