/** Writes what the daemon streams: to stdout, or into a file that is whole or not there. */
import { createWriteStream, lstatSync, type Stats, statSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { HttpResponse } from '../client/http-exchange.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Io } from './io.ts';
import { fileError } from './run-config/variables.ts';

/** `doing` begins the errors: `failed to save image`. `output` is a path, or '' for stdout. */
export async function writeArchive(
  io: Io,
  output: string,
  doing: string,
  open: () => Promise<HttpResponse>,
): Promise<void> {
  if (output === '') return toStdout(io, open);
  checkOutput(output, doing);
  const response = await open();
  const temporary = `${output}.partial-${process.pid}`;
  try {
    await pipeline(response.body, createWriteStream(temporary, { mode: 0o600 }));
    await rename(temporary, output);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

async function toStdout(io: Io, open: () => Promise<HttpResponse>): Promise<void> {
  if (io.stdout.isTerminal) {
    throw new EngineError(
      'invalid-argument',
      'cowardly refusing to save to a terminal. Use the -o flag or redirect',
    );
  }
  const response = await open();
  for await (const chunk of response.body) await io.stdout.send(chunk);
}

/** A file may be replaced, and nothing else. */
function checkOutput(output: string, doing: string): void {
  const refuse = (why: string): EngineError => new EngineError('invalid-argument', `${doing}: ${why}`);
  const folder = dirname(output);
  try {
    if (!statSync(folder).isDirectory()) throw refuse(`invalid output path: ${folder} is not a directory`);
  } catch (error) {
    if (error instanceof EngineError) throw error;
    throw refuse(`invalid output path: ${fileError('stat', folder, error).message}`);
  }
  const kind = kindOf(lstatSync(output, { throwIfNoEntry: false }));
  if (kind !== undefined) throw refuse(`cannot write to a ${kind}`);
}

/** What it is, if it is no regular file. */
function kindOf(stats: Stats | undefined): string | undefined {
  if (stats === undefined || stats.isFile()) return undefined;
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symbolic link directly';
  if (stats.isCharacterDevice()) return 'character device file';
  if (stats.isBlockDevice()) return 'block device file';
  return stats.isFIFO() ? 'named pipe file' : 'socket file';
}
