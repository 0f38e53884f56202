/** Lets the native helper decompress a layer's file, where it is gzip and the helper can be had. */
import { open } from 'node:fs/promises';
import type { GzipHelper, GzipStream } from '../host/gzip-helper.ts';
import { detectCompression } from './decompress.ts';
import type { LayerFile } from './snapshotter.ts';

export interface Gunzip {
  stream: GzipStream;
  /** Bytes of the file that so many plain bytes came from, about. */
  consumed(plainBytes: number): number;
}

const headLength = 6;

/** Undefined where `file` is no gzip, or the helper is not there. */
export async function gunzipFile(
  helper: GzipHelper | undefined,
  file: LayerFile,
  signal?: AbortSignal,
): Promise<Gunzip | undefined> {
  if (helper === undefined || !(await helper.isUsable())) return undefined;
  const { head, size, plainSize } = await look(file.path);
  if (detectCompression(head) !== 'gzip') return undefined;
  const ratio = plainSize > size ? size / plainSize : 1;
  return {
    stream: await helper.start('decompress', file.path, signal),
    consumed: (plainBytes) => Math.min(size, Math.round(plainBytes * ratio)),
  };
}

/** The last four bytes are the plain size modulo 2^32 (RFC 1952, 2.3.1): good enough for a progress bar. */
async function look(path: string): Promise<{ head: Buffer; size: number; plainSize: number }> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(headLength);
    const { bytesRead } = await file.read(head, 0, headLength, 0);
    const tail = Buffer.alloc(4);
    await file.read(tail, 0, 4, Math.max(0, size - 4));
    return { head: head.subarray(0, bytesRead), size, plainSize: tail.readUInt32LE() };
  } finally {
    await file.close();
  }
}
