/** Makes an image of a container. */
import { canonicalName, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { CommitResponse } from '../wire/container.ts';
import type { ApiClient } from './api-client.ts';
import type { CallControl } from './call-control.ts';

export interface CommitOptions extends CallControl {
  /** `app:1.2`; the image has no name unless told. */
  reference?: string;
  author?: string;
  comment?: string;
  /** Instructions as in a Dockerfile: `CMD ["sh"]`. */
  changes?: readonly string[];
  /** Freeze the container meanwhile; true unless told. */
  pause?: boolean;
}

export async function commitContainer(
  api: ApiClient,
  container: string,
  { signal, reference, pause = true, ...options }: CommitOptions,
): Promise<string> {
  const named = reference === undefined ? undefined : withDefaultTag(parseReference(reference));
  const query = {
    container,
    ...options,
    ...(named === undefined ? {} : { repo: canonicalName(named), tag: named.tag }),
    pause: pause ? undefined : '0',
  };
  const { Id } = await api.call<CommitResponse>('POST', '/commit', { query, json: {}, signal });
  return Id;
}
