/** Removes a name, or an image, by Docker's rules on what must be forced and what cannot be (moby, daemon/images/image_delete.go). */
import { EngineError } from '../errors/engine-error.ts';
import { shortId } from '../oci/digest.ts';
import {
  canonicalName,
  canonicalReference,
  familiarReference,
  parseReference,
  type Reference,
} from '../oci/reference.ts';
import type { ImageParts } from './image-parts.ts';
import type { RemovedImage } from './image-types.ts';
import { isIdPrefix, noSuchImage, resolveImage, storedReference } from './resolve-image.ts';

export interface RemoveOptions {
  force: boolean;
  prune: boolean;
  usedBy: (imageId: string) => { id: string; running: boolean } | undefined;
}

interface Removal extends RemoveOptions {
  parts: ImageParts;
  imageId: string;
  records: RemovedImage[];
}

/** Removes and answers what went, in order. EngineError `not-found`, or `conflict` in Docker's words. */
export async function removeImage(
  parts: ImageParts,
  nameOrId: string,
  options: RemoveOptions,
): Promise<RemovedImage[]> {
  const imageId = resolveImage(parts.table, nameOrId);
  if (imageId === undefined) throw noSuchImage(nameOrId);
  const removal: Removal = { ...options, parts, imageId, records: [] };
  if (isIdPrefix(imageId, nameOrId)) {
    untagSingle(removal);
    const conflict = conflictOf(removal);
    if (conflict !== undefined) throw conflict;
    await deleteImage(removal);
  } else if (!untagName(removal, nameOrId) && conflictOf(removal) === undefined) {
    // What a container or another image still needs stays, without a name.
    await deleteImage(removal);
  }
  return removal.records;
}

/** All references are of one repository, with at most one tag. */
function isSingle(references: readonly Reference[]): boolean {
  const tags = references.filter(({ digest }) => digest === undefined);
  const names = new Set(references.map(canonicalName));
  return references.length <= 1 || (tags.length <= 1 && names.size === 1);
}

function untag({ parts, records }: Removal, references: readonly Reference[]): void {
  parts.table.remove(references.map(canonicalReference));
  for (const reference of references) records.push({ untagged: familiarReference(reference) });
}

/** True where other names keep the image. */
function untagName(removal: Removal, nameOrId: string): boolean {
  const { parts, imageId, force, usedBy } = removal;
  const user = usedBy(imageId);
  if (!force && user !== undefined && isSingle(parts.table.referencesTo(imageId))) {
    throw new EngineError(
      'conflict',
      `conflict: unable to remove repository reference "${nameOrId}" (must force) - container ${shortId(user.id)} is using its referenced image ${shortId(imageId)}`,
      { hint: 'remove the container first, or force the removal' },
    );
  }
  const removed = parseReference(storedReference(parseReference(nameOrId)));
  untag(removal, [removed]);
  const left = parts.table.referencesTo(imageId);
  const sameName = left.filter((reference) => canonicalName(reference) === canonicalName(removed));
  // The digests of a repository go with its last tag.
  const isLastTag = removed.digest === undefined && sameName.every(({ digest }) => digest !== undefined);
  if (isLastTag) untag(removal, sameName);
  return parts.table.referencesTo(imageId).length > 0;
}

/** A single name goes with the image; several must be forced. */
function untagSingle(removal: Removal): void {
  const references = removal.parts.table.referencesTo(removal.imageId);
  if (!isSingle(references)) return;
  const conflict = conflictOf(removal, []);
  if (conflict !== undefined) throw conflict;
  untag(removal, references);
}

function conflict(imageId: string, isHard: boolean, why: string): EngineError {
  const force = isHard ? 'cannot be forced' : 'must be forced';
  return new EngineError('conflict', `conflict: unable to delete ${shortId(imageId)} (${force}) - ${why}`, {
    hint: isHard ? 'remove first what uses the image' : 'force the removal, or remove what uses it first',
  });
}

/** What stands in the way of deleting an image: its children and running containers always, names and stopped containers unless forced. */
function conflictOf(
  { parts, imageId, force, usedBy }: Removal,
  references: readonly Reference[] = parts.table.referencesTo(imageId),
): EngineError | undefined {
  if (parts.table.hasChildren(imageId)) return conflict(imageId, true, 'image has dependent child images');
  const user = usedBy(imageId);
  if (user?.running === true)
    return conflict(imageId, true, `image is being used by running container ${shortId(user.id)}`);
  if (force) return undefined;
  if (references.length > 0) return conflict(imageId, false, 'image is referenced in multiple repositories');
  if (user === undefined) return undefined;
  return conflict(imageId, false, `image is being used by stopped container ${shortId(user.id)}`);
}

/** Deletes an image without conflicts, and then the one that it was made from where nothing needs that. */
async function deleteImage(removal: Removal): Promise<void> {
  const { parts, imageId, records } = removal;
  const record = parts.table.record(imageId);
  const chainIds = record?.layers.map(({ chainId }) => chainId) ?? [];
  const references = parts.table.referencesTo(imageId);
  parts.table.remove(references.map(canonicalReference), imageId);
  for (const reference of references) records.push({ untagged: familiarReference(reference) });
  records.push({ deleted: imageId });
  const removedLayers = new Set(await parts.collector.collect());
  const deleted = chainIds.toReversed().filter((chainId) => removedLayers.has(chainId));
  records.push(...deleted.map((chainId) => ({ deleted: chainId })));
  await deleteParent(removal, record?.parent);
}

async function deleteParent(removal: Removal, parent: string | undefined): Promise<void> {
  if (!removal.prune || parent === undefined || removal.parts.table.record(parent) === undefined) return;
  const next = { ...removal, imageId: parent, force: false };
  if (conflictOf(next) === undefined) await deleteImage(next);
}
