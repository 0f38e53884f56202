/** Reads a compressed log file as if it were not. */
import { type FileHandle, open, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { bytesOf, writeAll } from './file-bytes.ts';
import { labelReach, readGzipLabel } from './gzip-label.ts';
import type { LogFile } from './log-file.ts';

let expansions = 0;

export class CompressedLogFile implements LogFile {
  readonly identity: string;
  readonly size: number;
  readonly #handle: FileHandle;
  readonly #path: string;
  #expanded: Promise<FileHandle> | undefined;

  private constructor(handle: FileHandle, path: string, identity: string, size: number) {
    this.#handle = handle;
    this.#path = path;
    this.identity = identity;
    this.size = size;
  }

  /** Closes `handle` where it can't be read. `path` tells where there is room to expand it. */
  static async of(handle: FileHandle, path: string): Promise<CompressedLogFile> {
    try {
      const status = await handle.stat({ bigint: true });
      const start = Buffer.alloc(labelReach);
      const { bytesRead } = await handle.read(start, 0, labelReach, 0);
      const label = readGzipLabel(start.subarray(0, bytesRead));
      const size = label?.size ?? (await sizeFromTrailer(handle, Number(status.size)));
      return new CompressedLogFile(handle, path, label?.identity ?? `gz:${status.ino}`, size);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async read(buffer: Buffer, length: number, position: number): Promise<number> {
    this.#expanded ??= expand(this.#handle, this.#path);
    const handle = await this.#expanded;
    return (await handle.read(buffer, 0, length, position)).bytesRead;
  }

  currentSize(): Promise<number> {
    return Promise.resolve(this.size);
  }

  async close(): Promise<void> {
    await this.#handle.close();
    const expanded = await this.#expanded?.catch(() => undefined);
    await expanded?.close();
  }
}

/** Right for one member of up to 4 GiB (RFC 1952, section 2.3.1). */
async function sizeFromTrailer(handle: FileHandle, length: number): Promise<number> {
  const trailer = Buffer.alloc(4);
  await handle.read(trailer, 0, 4, Math.max(0, length - 4));
  return trailer.readUInt32LE();
}

/** Into a file without a name, so that any place in it can be read and nothing of it stays. */
async function expand(source: FileHandle, path: string): Promise<FileHandle> {
  expansions += 1;
  const name = `${path}.expanded-${process.pid}-${expansions}`;
  const target = await open(name, 'wx+', 0o600);
  try {
    await unlink(name);
    await pipeline(bytesOf(source, Number.POSITIVE_INFINITY), createGunzip(), writeAll(target));
    return target;
  } catch (error) {
    await target.close();
    throw error;
  }
}
