/** Lets the native helper decompress a layer's file, where it is gzip and the helper can be had. */
import { open } from 'node:fs/promises';
import type { GzipHelper, GzipStream } from '../host/gzip-helper.ts';
import { detectCompression } from './decompress.ts';
import type { ComingLayer, LayerFile } from './snapshotter.ts';

export interface Gunzip {
  stream: GzipStream;
  /** Hears how many plain bytes were read. */
  onPlain(bytes: number): void;
}

/** Bytes of a file, and of what was compressed into it. */
export interface GzipSizes {
  size: number;
  plainSize: number;
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
  return {
    stream: await helper.start('decompress', file.path, signal),
    onPlain: (bytes) => file.onRead?.(compressedBytes(bytes, { size, plainSize })),
  };
}

/** The same with a file that is still being written: what comes out ends where that breaks off. */
export async function gunzipComing(
  helper: GzipHelper | undefined,
  { file, onPlain }: ComingLayer,
  signal?: AbortSignal,
): Promise<Gunzip | undefined> {
  if (helper === undefined || !(await helper.isUsable())) return undefined;
  await file.reaches(headLength);
  if (file.length < headLength || !(await isGzip(file.path))) return undefined;
  const stream = await helper.follow(file.path, signal);
  const tell = (): void => {
    stream.advance(file.length);
    if (file.state !== 'growing') stream.complete();
  };
  const stop = file.onChange(tell);
  tell();
  const { close: closeStream } = stream;
  stream.close = async () => {
    stop();
    await closeStream();
  };
  return { stream, onPlain: (bytes) => onPlain?.(bytes) };
}

/** Bytes of a gzip file that so many plain bytes came from, about. */
export function compressedBytes(plainBytes: number, { size, plainSize }: GzipSizes): number {
  const ratio = plainSize > size ? size / plainSize : 1;
  return Math.min(size, Math.round(plainBytes * ratio));
}

/** Sizes of the gzip file at `path`. */
export async function gzipSizes(path: string): Promise<GzipSizes> {
  const { size, plainSize } = await look(path);
  return { size, plainSize };
}

/** It may have got its final name a moment ago: no, then. */
async function isGzip(path: string): Promise<boolean> {
  try {
    return detectCompression((await look(path)).head) === 'gzip';
  } catch {
    return false;
  }
}

/** The last four bytes are the plain size modulo 2^32 (RFC 1952, 2.3.1): good enough for a progress bar. */
async function look(path: string): Promise<GzipSizes & { head: Buffer }> {
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
