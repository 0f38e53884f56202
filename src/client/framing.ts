/** Is output cut into frames? Newer daemons say so in the answer; for older ones the container's settings tell. */
import { compareApiVersions } from '../wire/api-version.ts';
import type { ContainerInspect } from '../wire/container.ts';
import { multiplexedContentType } from '../wire/raw-stream.ts';
import type { ApiClient } from './api-client.ts';
import { segment } from './query.ts';

/** Up to API 1.41 every stream is called raw. */
const saidFrom = '1.42';

/** Has the container a terminal, given the content type with which its output begins? */
export async function hasTerminal(
  api: ApiClient,
  id: string,
  contentType: string | undefined,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (contentType === multiplexedContentType) return false;
  if (contentType !== undefined && compareApiVersions(api.version, saidFrom) >= 0) return true;
  const path = `/containers/${segment(id)}/json`;
  const { Config } = await api.call<ContainerInspect>('GET', path, { signal });
  return Config.Tty;
}
