/** Extracts a tar that comes by a descriptor, as fast as it can be read. For a worker thread. */
import { readSync } from 'node:fs';
import { ViewExtractor } from '../../engine/archive/view-extractor.ts';
import type { ViewOperation } from '../../engine/archive/view-messages.ts';
import { release, ViewTree } from '../../engine/archive/view-tree.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { checkExpansion } from '../../snapshots/expansion.ts';
import { TarReader } from '../../util/tar/tar-reader.ts';
import type { FilesQuestion, UnpackJob } from './files-messages.ts';

const chunkSize = 1024 * 1024;

/** EngineErrors `invalid-argument` for what is no tar, `resource-exhausted` above the limit. */
export function unpackArchive(job: UnpackJob, operate: (operation: FilesQuestion) => void): void {
  const tree = new ViewTree(job.target);
  const destination = tree.locate(Buffer.from(job.destination).toString('latin1'), true);
  const extractor = new ViewExtractor({
    tree,
    destination,
    noOverwriteDirNonDir: false,
    owner: job.owner,
    operate: (operation) => operate(questionOf(operation)),
  });
  try {
    if (destination.missing.length > 0 || destination.name !== undefined)
      throw new EngineError('internal', 'a tar is unpacked where no directory is');
    const reader = new TarReader(extractor);
    read(job, (chunk) => reader.push(chunk));
    reader.finish();
    extractor.finish();
  } finally {
    extractor.close();
    release(destination);
    tree.root.release();
  }
}

/** To the end, from the beginning of a file or from where a pipe is. This thread waits for whoever writes: it has nothing else to do. */
function read({ descriptor, isPipe, limit }: UnpackJob, take: (chunk: Buffer) => void): void {
  const buffer = Buffer.allocUnsafeSlow(chunkSize);
  for (let total = 0; ; ) {
    const length = readSync(descriptor, buffer, 0, chunkSize, isPipe ? null : total);
    if (length === 0) return;
    total += length;
    checkExpansion(total, limit);
    take(buffer.subarray(0, length));
  }
}

function questionOf(operation: ViewOperation): FilesQuestion {
  if (operation.kind === 'setxattr') return operation;
  return { ...operation, name: Buffer.from(operation.name).toString('latin1') };
}
