/** A log on disk: the current file and those it was rotated to, compressed or not, opened as one consistent set. */
import type { BigIntStats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { errnoOf } from '../../errors/engine-error.ts';
import { CompressedLogFile } from './compressed-file.ts';
import type { LogFile } from './log-file.ts';

const attempts = 50;

/** Of a file that isn't compressed. An inode alone is another file's as soon as its own is gone. */
export function identityOf({ ino, birthtimeNs }: BigIntStats): string {
  return `${ino}:${birthtimeNs}`;
}

/** Oldest first, the current one last; empty where there is no log yet. A rotation meanwhile makes it look again. */
export async function openLogFiles(path: string): Promise<LogFile[]> {
  for (let attempt = 0; ; attempt += 1) {
    const { files, gap } = await openAll(path);
    const newest = files.at(-1)?.identity;
    if ((!gap && newest === (await currentIdentity(path))) || attempt === attempts) return files;
    await closeLogFiles(files);
  }
}

/** With a gap where files are being renamed just then. */
async function openAll(path: string): Promise<{ files: LogFile[]; gap: boolean }> {
  const files: LogFile[] = [];
  try {
    for (let index = 0; ; index += 1) {
      const file = await openNumber(path, index);
      if (file === undefined) return { files, gap: await existsNumber(path, index + 1) };
      files.unshift(file);
    }
  } catch (error) {
    await closeLogFiles(files);
    throw error;
  }
}

async function openNumber(path: string, index: number): Promise<LogFile | undefined> {
  if (index === 0) return await openPlain(path);
  const rotated = `${path}.${index}`;
  return (await openPlain(rotated)) ?? (await openCompressed(`${rotated}.gz`));
}

async function existsNumber(path: string, index: number): Promise<boolean> {
  const found = await openNumber(path, index);
  await found?.close();
  return found !== undefined;
}

async function openPlain(path: string): Promise<LogFile | undefined> {
  const handle = await openIfThere(path);
  return handle === undefined ? undefined : PlainLogFile.of(handle);
}

async function openCompressed(path: string): Promise<LogFile | undefined> {
  const handle = await openIfThere(path);
  return handle === undefined ? undefined : CompressedLogFile.of(handle, path);
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

class PlainLogFile implements LogFile {
  readonly identity: string;
  readonly size: number;
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle, status: BigIntStats) {
    this.#handle = handle;
    this.identity = identityOf(status);
    this.size = Number(status.size);
  }

  static async of(handle: FileHandle): Promise<PlainLogFile> {
    try {
      return new PlainLogFile(handle, await handle.stat({ bigint: true }));
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    return (await this.#handle.read(buffer, 0, length, position)).bytesRead;
  }

  async currentSize(): Promise<number> {
    return (await this.#handle.stat()).size;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}

export interface Successor {
  file: LogFile;
  /** What came between was rotated away. */
  gap: boolean;
}

/** The file that took the place of the one with this identity: rotated meanwhile, perhaps more than once. undefined where it is still current. */
export async function openSuccessor(
  path: string,
  identity: string | undefined,
): Promise<Successor | undefined> {
  const files = await openLogFiles(path);
  const place = files.findIndex((file) => file.identity === identity);
  /* Where it was rotated away altogether, everything that is left is new. */
  const successor = files[place + 1];
  await closeLogFiles(files.filter((file) => file !== successor));
  return successor && { file: successor, gap: identity !== undefined && place < 0 };
}

export async function currentIdentity(path: string): Promise<string | undefined> {
  try {
    return identityOf(await stat(path, { bigint: true }));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

export async function closeLogFiles(files: readonly LogFile[]): Promise<void> {
  for (const file of files) await file.close();
}
