/** What stands at a path in a container, as the daemon tells it in a header. */
import type { ApiClient } from '../../client/api-client.ts';
import { segment } from '../../client/query.ts';
import { isEngineError } from '../../errors/engine-error.ts';
import { type ContainerPathStat, pathStatHeader } from '../../wire/archive.ts';

export function archivePath(container: string): string {
  return `/containers/${segment(container)}/archive`;
}

export function decodePathStat(headers: ReadonlyMap<string, string>): ContainerPathStat | undefined {
  const text = headers.get(pathStatHeader.toLowerCase());
  if (text === undefined) return undefined;
  const stat: ContainerPathStat = JSON.parse(Buffer.from(text, 'base64').toString());
  return stat;
}

/** Undefined where nothing is there, or the daemon does not tell: what is done next will say why. */
export async function statPath(
  client: ApiClient,
  container: string,
  path: string,
): Promise<ContainerPathStat | undefined> {
  try {
    const response = await client.open('HEAD', archivePath(container), { query: { path } });
    response.socket.destroy();
    return decodePathStat(response.headers);
  } catch (error) {
    if (isEngineError(error) && error.details['status'] !== undefined) return undefined;
    throw error;
  }
}
