/** Content management (distribution-spec, end-9 and end-10): deleting tags, manifests and blobs. */
import { isEngineError } from '../../errors/engine-error.ts';
import type { RegistryStorage } from '../registry-types.ts';
import { emitEvent } from './emit-event.ts';
import { type Exchange, send } from './exchange.ts';
import { checkDigest, isTag } from './names.ts';
import { registryError } from './registry-error.ts';

/** Tags that are read at a time. */
const pageSize = 1000;

/** `DELETE /v2/<name>/manifests/<reference>`. */
export async function deleteManifest(exchange: Exchange): Promise<void> {
  const { reference } = exchange.route;
  if (reference.includes(':')) await deleteByDigest(exchange, checkDigest(reference));
  else await deleteTag(exchange, reference);
}

async function deleteTag(exchange: Exchange, tag: string): Promise<void> {
  const { context, route } = exchange;
  const { repository } = route;
  const unknown = registryError('MANIFEST_UNKNOWN', { detail: { name: repository, tag: tag.slice(0, 200) } });
  if (!isTag(tag)) throw unknown;
  await context.parts.policy?.checkTag(repository, tag, undefined);
  if (!(await context.storage.deleteTag(repository, tag))) throw unknown;
  send(exchange, 202, []);
  emitEvent(exchange, { action: 'delete', mediaType: '', size: 0, tag });
}

async function deleteByDigest(exchange: Exchange, digest: string): Promise<void> {
  const { context, route } = exchange;
  const { repository } = route;
  const { storage, parts } = context;
  const manifest = await storage.manifest(repository, digest);
  const unknown = registryError('MANIFEST_UNKNOWN', { detail: { name: repository, digest } });
  if (manifest === undefined) throw unknown;
  if (parts.policy !== undefined)
    for await (const tag of tagsOf(storage, repository, digest))
      await parts.policy.checkTag(repository, tag, undefined);
  if (!(await storage.deleteManifest(repository, digest))) throw unknown;
  send(exchange, 202, []);
  const { mediaType, size } = manifest;
  emitEvent(exchange, { action: 'delete', digest, mediaType, size });
}

/** Tags that name `digest`. */
async function* tagsOf(storage: RegistryStorage, repository: string, digest: string): AsyncGenerator<string> {
  for (let after: string | undefined; ; ) {
    const page =
      (await storage.tags(repository, { limit: pageSize, ...(after === undefined ? {} : { after }) })) ?? [];
    for (const tag of page) if (tag.digest === digest) yield tag.name;
    after = page.at(-1)?.name;
    if (page.length < pageSize) return;
  }
}

/** `DELETE /v2/<name>/blobs/<digest>`. UNSUPPORTED while a manifest of the repository needs it. */
export async function deleteBlob(exchange: Exchange): Promise<void> {
  const { context, route } = exchange;
  const digest = checkDigest(route.reference);
  const blob = await context.storage.blob(route.repository, digest);
  if (blob === undefined || !(await unlink(context.storage, route.repository, digest)))
    throw registryError('BLOB_UNKNOWN', { detail: { digest } });
  send(exchange, 202, ['Docker-Content-Digest', digest]);
  emitEvent(exchange, { action: 'delete', digest, mediaType: 'application/octet-stream', size: blob.size });
}

async function unlink(storage: RegistryStorage, repository: string, digest: string): Promise<boolean> {
  try {
    return await storage.deleteBlob(repository, digest);
  } catch (error) {
    if (!isEngineError(error, 'conflict')) throw error;
    throw registryError('UNSUPPORTED', {
      message: 'a manifest of the repository needs the blob',
      detail: { digest },
      hint: 'delete the manifest first',
      cause: error,
    });
  }
}
