/** A UNIX socket in the registry's directory, by which `garbage-collect` has the running registry do the work. */

import { once } from 'node:events';
import { chmodSync, closeSync, openSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { json } from 'node:stream/consumers';
import {
  EngineError,
  type ErrorCode,
  errnoOf,
  errorCodes,
  isEngineError,
  messageOf,
} from '../../errors/engine-error.ts';
import { isRecord } from '../config/fields.ts';
import type { CollectReport } from '../registry-types.ts';

export interface CollectCommand {
  untagged: boolean;
  dryRun: boolean;
}

export interface AdminSocket {
  close(): Promise<void>;
}

const fileName = 'gantry-registry.sock';

/** Serves until it is closed. Replaces a socket that an ended registry left: whoever opened the storage is its only registry. */
export async function openAdminSocket(
  directory: string,
  collect: (command: CollectCommand) => Promise<CollectReport>,
): Promise<AdminSocket> {
  const server = createServer((incoming, response) => void answer(incoming, response, collect));
  const path = join(directory, fileName);
  await within(directory, async (short) => {
    rmSync(short, { force: true });
    server.listen(short);
    await once(server, 'listening');
  });
  chmodSync(path, 0o600);
  server.unref();
  return {
    close: async () => {
      rmSync(path, { force: true });
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(
  incoming: IncomingMessage,
  response: ServerResponse,
  collect: (command: CollectCommand) => Promise<CollectReport>,
): Promise<void> {
  const send = (status: number, body: object): void => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
  };
  try {
    if (incoming.method !== 'POST' || incoming.url !== '/collect') {
      send(404, { code: 'not-found', message: 'there is only POST /collect' });
      return;
    }
    const body: unknown = await json(incoming);
    const command = isRecord(body) ? body : {};
    send(200, await collect({ untagged: command['untagged'] === true, dryRun: command['dryRun'] === true }));
  } catch (error) {
    send(500, { code: isEngineError(error) ? error.code : 'internal', message: messageOf(error) });
  }
}

/** Has the registry that runs on `directory` collect. Undefined where none runs there. */
export async function collectByServer(
  directory: string,
  command: CollectCommand,
): Promise<CollectReport | undefined> {
  try {
    return await within(directory, (path) => ask(path, command));
  } catch (error) {
    if (['ENOENT', 'ECONNREFUSED', 'ENOTDIR'].includes(errnoOf(error) ?? '')) return undefined;
    if (error instanceof EngineError) throw error;
    throw new EngineError(
      'unavailable',
      `the registry on ${directory} does not answer: ${messageOf(error)}`,
      {
        cause: error,
      },
    );
  }
}

async function ask(socketPath: string, command: CollectCommand): Promise<CollectReport> {
  const asking = request({ socketPath, method: 'POST', path: '/collect' });
  asking.end(JSON.stringify(command));
  const [response] = (await once(asking, 'response')) as [IncomingMessage];
  const body: unknown = await json(response);
  if (response.statusCode === 200) return body as CollectReport;
  const facts = isRecord(body) ? body : {};
  const code = errorCodes.find((one) => one === facts['code']) ?? ('internal' satisfies ErrorCode);
  throw new EngineError(code, String(facts['message']));
}

/** A socket's path may have 107 bytes: through an open directory it is short. */
async function within<T>(directory: string, work: (path: string) => Promise<T>): Promise<T> {
  const descriptor = openSync(directory, 'r');
  try {
    return await work(`/proc/self/fd/${descriptor}/${fileName}`);
  } finally {
    closeSync(descriptor);
  }
}
