/** What stands at a path in a container, as the daemon tells it in a header. */
import type { ApiClient } from '../../client/api-client.ts';
import { archivePath, decodePathStat } from '../../client/path-stat.ts';
import { isEngineError } from '../../errors/engine-error.ts';
import type { ContainerPathStat } from '../../wire/archive.ts';

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
    if (isEngineError(error) && error.status !== undefined) return undefined;
    throw error;
  }
}
