/** UNIX sockets of the daemon: who may connect, and what happens to what an earlier daemon left. */
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import { listening } from './daemon-listeners-bind.ts';

export interface UnixSocket {
  path: string;
  mode: number;
  group: number;
  accept: (socket: Socket) => void;
}

/** Listens. Nobody but root may connect before group and mode are set. EngineErrors `conflict`, `internal`. */
export async function listenUnix({ path, mode, group, accept }: UnixSocket): Promise<Server> {
  mkdirSync(dirname(path), { recursive: true });
  await removeStaleSocket(path);
  const server = createServer({ allowHalfOpen: true }, accept);
  const mask = process.umask(0o177);
  try {
    await listening(server, { path });
  } finally {
    process.umask(mask);
  }
  chownSync(path, 0, group);
  chmodSync(path, mode);
  return server;
}

/** Removes a socket that nobody listens on. EngineError `conflict` where somebody does. */
async function removeStaleSocket(path: string): Promise<void> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new EngineError('conflict', `can't listen on ${path}: a file that is no socket is there`);
  }
  if (await answers(path)) {
    throw new EngineError('conflict', `can't listen on ${path}: another daemon listens there`, {
      hint: 'stop it, or give this one another address with -H',
    });
  }
  rmSync(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    const settle = (alive: boolean): void => {
      probe.destroy();
      resolve(alive);
    };
    probe.on('connect', () => settle(true)).on('error', () => settle(false));
  });
}

/** The number of a group by its name or number; undefined where there is no such group. */
export function groupId(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((one) => one.startsWith(`${group}:`));
  return line === undefined ? undefined : Number(line.split(':')[2] ?? 0);
}

/** EngineError `invalid-argument` where there is no such group. */
export function requiredGroupId(group: string): number {
  const id = groupId(group);
  if (id !== undefined) return id;
  throw new EngineError('invalid-argument', `group ${group} not found`, {
    hint: `make it with groupadd ${group}, or give another --group`,
  });
}
