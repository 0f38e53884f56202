/** The entry point of a packing thread: makes layers' tars of directories, hashed and on the disk, outside the event loop. */
import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';
import { AttributeReader } from './attribute-reader.ts';
import { MemberWriter } from './member-writer.ts';
import { forgetOpaque } from './merged-names.ts';
import type { PackedLayer, PackJob, PackReply, PackRequest } from './pack-messages.ts';
import { TarOutput } from './tar-output.ts';
import { type WalkedChange, walkChanges } from './walk-changes.ts';

function reply(message: PackReply): void {
  parentPort?.postMessage(message);
}

const attributes = new AttributeReader(reply);

/** A tar's file, with its digest. */
class TarFile {
  readonly #descriptor: number;
  readonly #hash = createHash('sha256');
  size = 0;

  constructor(path: string) {
    this.#descriptor = openSync(path, 'wx', 0o600);
  }

  write(data: Uint8Array): void {
    this.#hash.update(data);
    this.size += data.length;
    for (let done = 0; done < data.length; ) done += writeSync(this.#descriptor, data, done);
  }

  finish(): string {
    fdatasyncSync(this.#descriptor);
    return `sha256:${this.#hash.digest('hex')}`;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** Bytes of file data, each file counted once however many names it has. */
class FileBytes {
  readonly #counted = new Set<bigint>();
  total = 0;

  add({ directory, name }: WalkedChange): void {
    const stats = directory.stat(name);
    if (stats?.isFile() !== true) return;
    if (stats.nlink > 1n) {
      if (this.#counted.has(stats.ino)) return;
      this.#counted.add(stats.ino);
    }
    this.total += Number(stats.size);
  }
}

async function pack({ upper, lower, file }: PackJob): Promise<PackedLayer> {
  forgetOpaque();
  const tar = new TarFile(file);
  try {
    const writer = new MemberWriter(
      new TarOutput(async (chunk) => tar.write(chunk)),
      attributes.readAttributes,
    );
    const bytes = new FileBytes();
    const opaque: string[] = [];
    const job = { upper, lower, mountPoints: [], what: 'layer' } as const;
    for await (const change of walkChanges(job, attributes.readOpaque)) {
      const { path, directory, name } = change;
      if (change.kind === 'deleted') {
        directory.release();
        await writer.add({ kind: 'whiteout', path });
        continue;
      }
      bytes.add(change);
      await writer.add({ kind: 'node', path, directory, name });
      if (!change.isOpaque) continue;
      opaque.push(path);
      await writer.add({ kind: 'opaque', path });
    }
    await writer.finish();
    return { diffId: tar.finish(), tarSize: tar.size, size: bytes.total, opaque };
  } finally {
    tar.close();
  }
}

function failure(error: unknown): PackReply {
  const known = error instanceof EngineError ? error : undefined;
  return {
    kind: 'failed',
    code: known?.code,
    hint: known?.hint,
    errno: errnoOf(error),
    message: messageOf(error),
  };
}

parentPort?.on('message', (request: PackRequest) => {
  if (request.kind === 'attributes') attributes.answer(request.results);
  else
    pack(request.job).then(
      (layer) => reply({ kind: 'packed', layer }),
      (error: unknown) => reply(failure(error)),
    );
});
