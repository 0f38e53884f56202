/** Digests of files that were read once, by what changes whenever the file does; kept in a file across builds. For a worker thread. */
import {
  type BigIntStats,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { threadId } from 'node:worker_threads';

/** Entries. Some 100 bytes each. */
const maxEntries = 500_000;
/** Nanoseconds that a file must have rested before it was read: the kernel's clock of file times has steps. */
const rest = 100_000_000n;
const format = 'gantry-file-digests-1';

interface Known {
  /** Size and times, in nanoseconds. */
  signature: string;
  digest: string;
}

export class DigestCache {
  readonly #file: string;
  #known = new Map<string, Known>();
  #loaded: string | undefined;
  #isChanged = false;

  constructor(file: string) {
    this.#file = file;
  }

  /** Takes in what other threads, and earlier daemons, have written. */
  load(): void {
    const version = versionOf(this.#file);
    if (version === undefined || version === this.#loaded) return;
    for (const [key, known] of parse(this.#file)) this.#known.set(key, known);
    this.#loaded = version;
  }

  find(stats: BigIntStats): string | undefined {
    const key = keyOf(stats);
    const known = this.#known.get(key);
    return known?.signature === signatureOf(stats) ? known.digest : undefined;
  }

  /** `stats` are from before the file was read. */
  add(stats: BigIntStats, digest: string): void {
    if (BigInt(Date.now()) * 1_000_000n - stats.ctimeNs < rest) return;
    const key = keyOf(stats);
    // The latest last, so that the oldest go first.
    this.#known.delete(key);
    this.#known.set(key, { signature: signatureOf(stats), digest });
    this.#isChanged = true;
  }

  /** Nothing that anybody needs is lost where it can't be written. */
  save(): void {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    while (this.#known.size > maxEntries) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    const lines = [
      format,
      ...[...this.#known].map(([key, { signature, digest }]) => `${key} ${signature} ${digest}`),
    ];
    const temporary = `${this.#file}.${process.pid}-${threadId}`;
    try {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      writeFileSync(temporary, `${lines.join('\n')}\n`, { mode: 0o600 });
      renameSync(temporary, this.#file);
      this.#loaded = versionOf(this.#file);
    } catch {
      removeIfThere(temporary);
    }
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was never made.
  }
}

function keyOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** Any change of content, attributes, mode or owner shows in the time of change, which nobody can set. */
function signatureOf({ size, mtimeNs, ctimeNs }: BigIntStats): string {
  return `${size}:${mtimeNs}:${ctimeNs}`;
}

function versionOf(file: string): string | undefined {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  return stats && `${stats.ino}:${stats.mtimeNs}`;
}

/** Nothing where it is not what was written. */
function parse(file: string): Array<[key: string, known: Known]> {
  const [head, ...lines] = readFileSync(file, 'latin1').trimEnd().split('\n');
  if (head !== format) return [];
  return lines.flatMap((line): Array<[string, Known]> => {
    const [key, signature, digest, more] = line.split(' ');
    const isWhole =
      key !== undefined && signature !== undefined && digest?.length === 64 && more === undefined;
    return isWhole ? [[key, { signature, digest }]] : [];
  });
}
