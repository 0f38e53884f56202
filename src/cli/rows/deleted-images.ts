/** What was done to an image that was removed. */
import type { ImageDeleteRow } from '../../wire/image.ts';

/** `untagged: name` or `deleted: sha256:…`, as prune writes them. */
export function describeDeleted({ Deleted, Untagged }: ImageDeleteRow): string {
  return Deleted === undefined || Deleted === '' ? `untagged: ${Untagged ?? ''}` : `deleted: ${Deleted}`;
}
