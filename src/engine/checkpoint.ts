/** Checkpoints: what a container's processes are at a moment, saved by the OCI runtime through CRIU, to be gone on with later. */
import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import type { Container } from './container-table.ts';
import { notRunning } from './end-process.ts';
import type { Engine } from './engine.ts';
import { publishContainerEvent } from './events.ts';
import { containerFiles } from './paths.ts';
import { runtimeProgram } from './runtimes.ts';

const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;
/** Marks a directory as a checkpoint. */
const markFile = 'config.json';

export interface CheckpointRequest {
  name: string;
  /** Where checkpoints are kept; undefined for the container's own directory. */
  directory?: string;
  /** The container ends with its checkpoint. */
  exit: boolean;
}

/**
 * Durable as far as CRIU's files are when it resolves. EngineErrors in Docker's words: `conflict` where the container doesn't run or has such a checkpoint,
 * `invalid-argument` for a bad name or a terminal, `internal` with the runtime's own words where it (or CRIU) can't.
 */
export async function createCheckpoint(
  engine: Engine,
  ref: string,
  request: CheckpointRequest,
): Promise<void> {
  const container = engine.containers.resolve(ref);
  checkName(request.name);
  await container.lock.run(async () => {
    const { record, state } = container;
    if (state.status !== 'running') throw notRunning(container);
    if (record.config.tty)
      throw new EngineError('invalid-argument', 'checkpoint not supported on containers with tty');
    const path = join(rootOf(engine, container, request.directory), request.name);
    await makeDirectory(container, path, request.name);
    try {
      await save(engine, container, path, request);
    } catch (error) {
      await rm(path, { recursive: true, force: true });
      throw error;
    }
  });
  publishContainerEvent(engine.events, container.record, 'checkpoint');
}

function checkName(name: string): void {
  if (namePattern.test(name)) return;
  throw new EngineError(
    'invalid-argument',
    `Invalid checkpoint ID (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

function rootOf(engine: Pick<Engine, 'config'>, { id }: Container, directory: string | undefined): string {
  return directory ?? join(containerFiles(engine.config, id).directory, 'checkpoints');
}

async function makeDirectory(container: Container, path: string, name: string): Promise<void> {
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    if (errnoOf(error) !== 'EEXIST') throw error;
    throw new EngineError(
      'conflict',
      `checkpoint with name ${name} already exists for container ${container.name}`,
      { cause: error, hint: 'choose another name, or remove it first' },
    );
  }
}

async function save(
  engine: Engine,
  container: Container,
  path: string,
  { name, exit }: CheckpointRequest,
): Promise<void> {
  const { record, id } = container;
  const runtime = runtimeProgram(engine.config, engine.host, record.hostConfig.runtime);
  await writeFile(
    join(path, markFile),
    JSON.stringify({ name, containerId: id, createdAt: Date.now(), exit }),
  );
  /* No restart policy applies to an end that was asked for. */
  const wanted = container.exitWanted;
  if (exit) container.exitWanted = true;
  try {
    await engine.runtime.checkpoint(id, runtime, { path, leaveRunning: !exit });
  } catch (error) {
    container.exitWanted = wanted;
    throw new EngineError('internal', `Cannot checkpoint container ${container.name}: ${messageOf(error)}`, {
      cause: error,
      hint: 'checkpoints need CRIU on the host and a runtime that was built with it, such as runc (--runtime runc)',
    });
  }
}

/** Names of the checkpoints, sorted. */
export async function listCheckpoints(
  engine: Engine,
  ref: string,
  directory: string | undefined,
): Promise<string[]> {
  const root = rootOf(engine, engine.containers.resolve(ref), directory);
  const names = (await readdir(root).catch(() => [])).filter((name) => namePattern.test(name)).sort();
  const marks = await Promise.all(names.map((name) => isCheckpoint(join(root, name))));
  return names.filter((_, index) => marks[index] === true);
}

async function isCheckpoint(path: string): Promise<boolean> {
  const mark = await stat(join(path, markFile)).catch(() => undefined);
  return mark?.isFile() === true;
}

/** EngineError `not-found` "checkpoint X does not exist for container Y". */
export async function removeCheckpoint(
  engine: Engine,
  ref: string,
  name: string,
  directory: string | undefined,
): Promise<void> {
  const container = engine.containers.resolve(ref);
  await rm(await checkpointPath(engine, container, name, directory), { recursive: true, force: true });
}

/** The directory of a checkpoint that is there, for a start from it. EngineError `not-found` otherwise. */
export async function checkpointPath(
  engine: Pick<Engine, 'config'>,
  container: Container,
  name: string,
  directory: string | undefined,
): Promise<string> {
  checkName(name);
  const path = join(rootOf(engine, container, directory), name);
  if (await isCheckpoint(path)) return path;
  throw new EngineError('not-found', `checkpoint ${name} does not exist for container ${container.name}`, {
    hint: 'see its checkpoints with "checkpoint ls"',
  });
}
