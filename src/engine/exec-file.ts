/** What is known of an exec, beside its container's bundle: a daemon that starts again finds it there. */
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../errors/engine-error.ts';
import type { Engine } from './engine.ts';
import type { ExecRecord } from './model.ts';
import { bundleFiles } from './paths.ts';

const name = /^exec-([0-9a-f]{64})\.record$/;

/** The record of an exec as a daemon left it. */
export interface StoredExec {
  record: ExecRecord;
  /** Of a health check: nobody will ask for it, and the next daemon makes its own. */
  probe: boolean;
}

type Roots = Pick<Engine, 'config'>;

function fileOf({ config }: Roots, containerId: string, execId: string): string {
  return join(bundleFiles(config, containerId).directory, `exec-${execId}.record`);
}

/** Survives the daemon, not the host: an exec doesn't either. */
export async function writeExecFile(engine: Roots, stored: StoredExec): Promise<void> {
  const { id, containerId } = stored.record;
  try {
    await writeFile(fileOf(engine, containerId, id), JSON.stringify(stored));
  } catch (error) {
    /* The container has ended, and its bundle is gone. */
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}

/** Idempotent. */
export async function removeExecFile(engine: Roots, { id, containerId }: ExecRecord): Promise<void> {
  await rm(fileOf(engine, containerId, id), { force: true });
}

/** Those that an earlier daemon left for a container. What can't be read is passed over. */
export async function readExecFiles(engine: Roots, containerId: string): Promise<StoredExec[]> {
  const { directory } = bundleFiles(engine.config, containerId);
  const names = await readdir(directory).catch(() => []);
  const found = await Promise.all(
    names.filter((one) => name.test(one)).map((one) => readStored(join(directory, one))),
  );
  return found.filter((one) => one?.record.containerId === containerId).filter((one) => one !== undefined);
}

async function readStored(path: string): Promise<StoredExec | undefined> {
  try {
    const value: unknown = JSON.parse(await readFile(path, 'utf8'));
    return isStored(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** What only this engine writes is checked for its shape, not field by field. */
function isStored(value: unknown): value is StoredExec {
  if (typeof value !== 'object' || value === null || !('record' in value)) return false;
  const { record } = value;
  if (typeof record !== 'object' || record === null) return false;
  return 'id' in record && 'containerId' in record && 'config' in record && 'running' in record;
}
