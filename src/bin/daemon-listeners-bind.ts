/** Binds a server to its place, with errors that name it. */
import type { Server } from 'node:net';
import { EngineError, errnoOf } from '../errors/engine-error.ts';

export type Place = { path: string } | { host: string; port: number } | { fd: number };

/** Resolves when it listens. EngineErrors `conflict` for a place that is taken, `internal` for other failures. */
export function listening(server: Server, place: Place): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => reject(listenError(error, place));
    server.once('error', fail).listen(place, () => {
      server.off('error', fail);
      resolve();
    });
  });
}

function listenError(error: Error, place: Place): EngineError {
  const taken = errnoOf(error) === 'EADDRINUSE';
  return new EngineError(
    taken ? 'conflict' : 'internal',
    `can't listen on ${nameOf(place)}: ${error.message}`,
    { cause: error },
  );
}

function nameOf(place: Place): string {
  if ('path' in place) return place.path;
  return 'fd' in place ? `file descriptor ${place.fd}` : `${place.host}:${place.port}`;
}
