/** The members of a tar that comes as a stream, one by one, with their data as it comes: nothing of it is kept in memory. */
import type { Readable } from 'node:stream';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { TarEntry } from '../util/tar/tar-entry.ts';
import { type TarHandler, TarReader } from '../util/tar/tar-reader.ts';

/** Takes what is in an archive, in order: a member, its data, its end. */
export interface MemberSink {
  begin(entry: TarEntry): Promise<void>;
  write(data: Buffer): Promise<void>;
  end(): Promise<void>;
}

type Step = { kind: 'begin'; entry: TarEntry } | { kind: 'data'; data: Buffer } | { kind: 'end' };

/** The reader calls back at once, where whoever takes the members has to wait for the disk. */
class Steps implements TarHandler {
  #steps: Step[] = [];
  #written = 0;

  entry(entry: TarEntry): void {
    this.#written = 0;
    this.#steps.push({ kind: 'begin', entry });
  }

  data(data: Buffer, offset: number): void {
    if (offset !== this.#written) throw new EngineError('invalid-argument', 'it has sparse files');
    this.#written += data.length;
    this.#steps.push({ kind: 'data', data });
  }

  end(): void {
    this.#steps.push({ kind: 'end' });
  }

  take(): Step[] {
    const steps = this.#steps;
    this.#steps = [];
    return steps;
  }
}

/** Reads `tar` to its end. Rejects with what `sink` rejects with, and EngineError `invalid-argument` where it is no tar. */
export async function readMembers(tar: Readable, sink: MemberSink): Promise<void> {
  const steps = new Steps();
  const reader = new TarReader(steps);
  for await (const chunk of tar) {
    read(() => reader.push(chunk));
    for (const step of steps.take()) {
      if (step.kind === 'begin') await sink.begin(step.entry);
      else if (step.kind === 'data') await sink.write(step.data);
      else await sink.end();
    }
  }
  read(() => reader.finish());
}

/** What the tar reader finds wrong, said of the archive that it is. */
function read(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!isEngineError(error, 'invalid-argument')) throw error;
    throw new EngineError('invalid-argument', `invalid image archive: ${error.message}`, {
      cause: error,
      hint: 'give a tar archive that docker save, or an OCI tool, wrote',
    });
  }
}
