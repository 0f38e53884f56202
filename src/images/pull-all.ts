/** All tags of a repository: `docker pull -a`. */
import { type EngineError, isEngineError } from '../errors/engine-error.ts';
import { familiarName, parseReference } from '../oci/reference.ts';
import { firstAnswer } from './fetch-manifest.ts';
import type { ImageParts } from './image-parts.ts';
import type { PullRequest } from './image-types.ts';
import { pullReference, reportStatus } from './pull-image.ts';

/**
 * Pulls one tag after the other, and returns the images' IDs, each once. Tags that name no image for this platform (charts, signatures, images
 * of other systems) are told of and left out. EngineErrors as from a pull; that of the last tag left out where no tag names an image.
 */
export async function pullAllTags(parts: ImageParts, request: PullRequest): Promise<string[]> {
  const { domain, path } = parseReference(request.reference);
  const { transport, config } = parts;
  const reference = { domain, path };
  const query = { transport, config, reference, auth: request.auth, signal: request.signal };
  const { answer: tags } = await firstAnswer(query, (client) => client.tags(request.signal));
  const ids = new Set<string>();
  let isNew = false;
  let skipped: EngineError | undefined;
  for (const tag of tags) {
    try {
      const pulled = await pullReference(parts, { ...reference, tag }, request);
      ids.add(pulled.id);
      isNew ||= pulled.isNew;
    } catch (error) {
      if (!isEngineError(error) || error.details['isOtherKind'] !== true) throw error;
      skipped = error;
      request.progress({ status: `Skipped: ${error.message}`, id: tag });
    }
  }
  if (ids.size === 0 && skipped !== undefined) throw skipped;
  reportStatus(request, familiarName(reference), isNew);
  return [...ids];
}
