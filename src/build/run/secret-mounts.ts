/** Secrets and SSH agents of a RUN: they come from the client for this one process, and are on the host only while it runs. */
import { chmod, chown, writeFile } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { SpecMount } from '../../oci/runtime-spec.ts';
import type { BuildSecrets } from '../build-types.ts';
import type { RunMount } from '../dockerfile/ast.ts';
import type { StepScratch } from './step-scratch.ts';

export interface GivenMount {
  mount?: SpecMount;
  /** `NAME=VALUE`. */
  environment: readonly string[];
}

const nothing: GivenMount = { environment: [] };
const readOnly = ['rbind', 'rprivate', 'ro'];

/** The ID that the client is asked for. */
export function secretId({ id, source, target }: RunMount): string {
  return source || id || posix.basename(target);
}

/** Where it is put; undefined for one that is only a variable. */
export function secretTarget(mount: RunMount): string | undefined {
  if (mount.target !== '') return mount.target;
  return mount.env === undefined ? `/run/secrets/${posix.basename(secretId(mount))}` : undefined;
}

/** EngineError `not-found` for one that is required and not there. */
export async function secretMount(
  mount: RunMount,
  target: string | undefined,
  secrets: BuildSecrets,
  scratch: StepScratch,
  signal: AbortSignal,
): Promise<GivenMount> {
  const id = secretId(mount);
  const value = await secrets.secret(id, signal);
  if (value === undefined) {
    if (!mount.required) return nothing;
    throw new EngineError('not-found', `secret ${id}: not found`, {
      hint: `give it with --secret id=${id},src=FILE`,
    });
  }
  const environment = mount.env === undefined ? [] : [`${mount.env}=${value.toString('utf8')}`];
  if (target === undefined) return { environment };
  const path = scratch.path();
  await writeFile(path, value, { mode: 0o600, flag: 'wx' });
  await own(path, mount, 0o400);
  return { mount: { destination: target, type: 'bind', source: path, options: readOnly }, environment };
}

/** The agent that the client forwards, as a socket. EngineError `not-found` as above. */
export async function agentMount(
  mount: RunMount,
  target: string,
  secrets: BuildSecrets,
  scratch: StepScratch,
  signal: AbortSignal,
): Promise<GivenMount> {
  const id = mount.id || 'default';
  const probe = await secrets.ssh(id, signal);
  probe?.destroy();
  if (probe === undefined) {
    if (!mount.required) return nothing;
    throw new EngineError('not-found', `unset ssh forward key ${id}`, { hint: `give it with --ssh ${id}` });
  }
  const path = await agentSocket(id, secrets, scratch, signal);
  await own(path, mount, 0o600);
  return {
    mount: { destination: target, type: 'bind', source: path, options: ['rbind', 'rprivate'] },
    environment: [`SSH_AUTH_SOCK=${target}`],
  };
}

/** A socket behind which the client's agent is, until the scratch is closed. */
export async function agentSocket(
  id: string,
  secrets: BuildSecrets,
  scratch: StepScratch,
  signal: AbortSignal,
): Promise<string> {
  const path = scratch.path();
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on('close', () => open.delete(socket)).on('error', () => socket.destroy());
    forward(socket, secrets, id, signal).catch(() => socket.destroy());
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(path, resolve));
  scratch.onClose(() => {
    for (const socket of open) socket.destroy();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return path;
}

async function forward(
  socket: Socket,
  secrets: BuildSecrets,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  const agent = await secrets.ssh(id, signal);
  if (agent === undefined) {
    socket.destroy();
    return;
  }
  agent.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  socket.on('close', () => agent.destroy());
  socket.pipe(agent).pipe(socket);
}

async function own(path: string, { uid = 0, gid = 0, mode }: RunMount, usual: number): Promise<void> {
  await chown(path, uid, gid);
  await chmod(path, mode ?? usual);
}
