/** What shims leave on disk: exit statuses, and what they were asked to run. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import type { ExitStatus, StartProcess } from './runtime-types.ts';
import { runtimeLogFile, type ShimMemo } from './shim-request.ts';

/** Undefined where the shim wrote none. */
export async function readExitStatus(directory: string): Promise<ExitStatus | undefined> {
  const text = await readFile(join(directory, 'exit'), 'utf8').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [exitCode, finishedAt, oom] = text.trim().split(' ').map(Number);
  if (exitCode === undefined || finishedAt === undefined)
    throw new EngineError('data-loss', `malformed exit status in ${directory}`);
  return { exitCode, finishedAt, oomKilled: oom === 1 };
}

/** What the OCI runtime logged; '' where it didn't. */
export async function readRuntimeLog(directory: string): Promise<string> {
  return await readFile(join(directory, runtimeLogFile), 'utf8').catch(() => '');
}

/** First argument of the process that was to start, for messages; '' where the bundle doesn't tell. */
export async function readCommand(kind: StartProcess['kind']): Promise<string> {
  const path = kind.kind === 'container' ? join(kind.bundle, 'config.json') : kind.processFile;
  try {
    const parsed = JSON.parse(await readFile(path, 'utf8'));
    const args: unknown = (kind.kind === 'container' ? parsed.process : parsed)?.args;
    return Array.isArray(args) ? String(args[0] ?? '') : '';
  } catch {
    return '';
  }
}

/** Undefined where it isn't one (of a version that wrote another). */
export function parseMemo(text: string): ShimMemo | undefined {
  try {
    return JSON.parse(text) as ShimMemo;
  } catch {
    return undefined;
  }
}
