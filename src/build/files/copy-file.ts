/** Copies one file's content: a clone where the file system can, else within the kernel, holes kept. For a worker thread. */
import { closeSync, constants, copyFileSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY, COPYFILE_EXCL, COPYFILE_FICLONE } = constants;
const chunkSize = 1024 * 1024;
const blockSize = 4096;
/** A file with fewer bytes missing on the disk is copied as it is: nobody makes holes that small on purpose. */
const worthwhile = 64 * 1024;
const zeros = Buffer.alloc(blockSize);

export interface FileContent {
  /** Open for reading, at its beginning. */
  descriptor: number;
  /** Bytes. */
  size: number;
  /** On the disk. */
  stored: number;
}

/** Makes `place`, which must not be there yet. */
export function copyContent({ descriptor, size, stored }: FileContent, place: Buffer): void {
  if (size - stored >= worthwhile) copySparse(descriptor, size, place);
  else copyFileSync(`/proc/self/fd/${descriptor}`, place, COPYFILE_EXCL | COPYFILE_FICLONE);
}

function copySparse(source: number, size: number, place: Buffer): void {
  const target = openSync(place, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 0o600);
  try {
    const buffer = Buffer.allocUnsafe(chunkSize);
    let offset = 0;
    for (let length = readSync(source, buffer, 0, chunkSize, 0); length > 0; ) {
      writeRuns(target, buffer.subarray(0, length), offset);
      offset += length;
      length = readSync(source, buffer, 0, chunkSize, offset);
    }
    ftruncateSync(target, Math.max(size, offset));
  } finally {
    closeSync(target);
  }
}

/** Writes what is not zero. */
function writeRuns(target: number, data: Buffer, offset: number): void {
  for (let start = 0; start < data.length; ) {
    let end = start;
    while (end < data.length && !isHole(data, end)) end += blockSize;
    const run = data.subarray(start, Math.min(end, data.length));
    for (let done = 0; done < run.length; )
      done += writeSync(target, run, done, run.length - done, offset + start + done);
    start = end === start ? start + blockSize : end;
  }
}

function isHole(data: Buffer, at: number): boolean {
  const block = data.subarray(at, at + blockSize);
  return block.equals(zeros.subarray(0, block.length));
}
