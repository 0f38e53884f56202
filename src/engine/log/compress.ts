/** Compresses a rotated log file. */
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { crc32, createDeflateRaw } from 'node:zlib';
import { errnoOf } from '../../errors/engine-error.ts';
import { bytesOf, writeAll } from './file-bytes.ts';
import { identityOf } from './files.ts';
import { gzipHeader, gzipTrailer } from './gzip-label.ts';

/** Of zlib: logs shrink to a tenth at any. */
const level = 3;

/**
 * Compresses the file at `source` to `target` and hands both to `replace`, which puts the one in the place of the other. False where there is no
 * such file. The source stays open until then, so that its inode stays its own.
 */
export async function compressLog(
  source: string,
  target: string,
  replace: (inode: bigint) => Promise<void>,
): Promise<boolean> {
  const handle = await open(source, 'r').catch((error: unknown) => {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (handle === undefined) return false;
  try {
    const status = await handle.stat({ bigint: true });
    await writeCompressed(handle, target, { identity: identityOf(status), size: Number(status.size) });
    await replace(status.ino);
    return true;
  } catch (error) {
    await unlink(target).catch(() => {});
    throw error;
  } finally {
    await handle.close();
  }
}

async function writeCompressed(
  source: FileHandle,
  target: string,
  label: { identity: string; size: number },
): Promise<void> {
  const output = await open(target, 'w', 0o640);
  try {
    let checksum = 0;
    await output.write(gzipHeader(label));
    await pipeline(
      bytesOf(source, label.size, (chunk) => {
        checksum = crc32(chunk, checksum);
      }),
      createDeflateRaw({ level }),
      writeAll(output),
    );
    await output.write(gzipTrailer(checksum, label.size));
  } finally {
    await output.close();
  }
}

/** What the shim does, for a container that has none: `target` takes the place of whichever rotated file has this inode. */
export async function replaceRotated(
  path: string,
  maxFiles: number,
  inode: bigint,
  target: string,
): Promise<void> {
  for (let number = 1; number < maxFiles; number += 1) {
    const rotated = `${path}.${number}`;
    const found = await stat(rotated, { bigint: true }).catch(() => undefined);
    if (found?.ino !== inode) continue;
    await rename(target, `${rotated}.gz`);
    await unlink(rotated);
    return;
  }
  await unlink(target);
}
