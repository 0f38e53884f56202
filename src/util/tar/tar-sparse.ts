/** Sparse files in tar: GNU's old format and its PAX formats 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files"). */
import { tarError } from './tar-entry.ts';
import { blockSize, tarNumber } from './tar-header.ts';
import { type PaxRecords, paxNumber } from './tar-pax.ts';

/** A run of data in a file; what lies between runs is a hole. */
export interface SparseRun {
  offset: number;
  length: number;
}

/** Bounds what a map may hold: a real file of this many runs is all holes. */
const maxRuns = 1_000_000;

/** Checks runs against the file's size and the data that follows: in order, disjoint, complete. */
export function checkRuns(runs: readonly SparseRun[], size: number, stored: number): void {
  let end = 0;
  let total = 0;
  for (const run of runs) {
    if (run.offset < end || run.length < 0) throw tarError();
    end = run.offset + run.length;
    total += run.length;
    if (!Number.isSafeInteger(end) || end > size) throw tarError();
  }
  if (total !== stored) throw tarError();
}

/** Reads the entries of an old GNU sparse map from a block; `count` fit in it. */
export function gnuRuns(block: Buffer, start: number, count: number): SparseRun[] {
  const runs: SparseRun[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = start + index * 24;
    if (block[at] === 0) break;
    runs.push({ offset: tarNumber(block, at, 12), length: tarNumber(block, at + 12, 12) });
  }
  return runs;
}

export type PaxSparse =
  | { kind: 'runs'; runs: SparseRun[]; size: number; name?: Buffer }
  /** The map stands before the data, as lines of decimal numbers. */
  | { kind: 'embedded'; size: number; name?: Buffer };

function pairs(numbers: readonly number[]): SparseRun[] {
  if (numbers.length % 2 !== 0 || numbers.length > 2 * maxRuns) throw tarError();
  const runs: SparseRun[] = [];
  for (let index = 0; index < numbers.length; index += 2) {
    runs.push({ offset: numbers[index] ?? 0, length: numbers[index + 1] ?? 0 });
  }
  return runs;
}

/** What PAX records say about holes, or undefined for a file without. */
export function paxSparse(records: PaxRecords): PaxSparse | undefined {
  const last = new Map(records);
  const name = last.get('GNU.sparse.name');
  const named = name === undefined ? {} : { name };
  const realSize = last.get('GNU.sparse.realsize') ?? last.get('GNU.sparse.size');
  if (last.get('GNU.sparse.major')?.toString() === '1') {
    if (last.get('GNU.sparse.minor')?.toString() !== '0' || realSize === undefined) throw tarError();
    return { kind: 'embedded', size: paxNumber(realSize), ...named };
  }
  const map = last.get('GNU.sparse.map');
  const numbers =
    map === undefined
      ? records.flatMap(([key, value]) =>
          /^GNU\.sparse\.(offset|numbytes)$/.test(key) ? [paxNumber(value)] : [],
        )
      : map
          .toString('latin1')
          .split(',')
          .map((digits) => paxNumber(Buffer.from(digits)));
  if (map === undefined && numbers.length === 0) return undefined;
  if (realSize === undefined) throw tarError();
  return { kind: 'runs', runs: pairs(numbers), size: paxNumber(realSize), ...named };
}

/** Gathers the map of format 1.0 from the blocks in front of the data: a count, then as many pairs, one number a line. */
export class EmbeddedMap {
  #partial = '';
  #numbers: number[] = [];
  #blocks = 0;

  /** Bytes of blocks taken so far. */
  get taken(): number {
    return this.#blocks * blockSize;
  }

  /** Takes one block; returns the runs once the map is complete. */
  add(block: Buffer): SparseRun[] | undefined {
    this.#blocks += 1;
    const lines = (this.#partial + block.toString('latin1')).split('\n');
    this.#partial = lines.pop() ?? '';
    for (const digits of lines) {
      if (this.#isComplete()) break;
      this.#numbers.push(paxNumber(Buffer.from(digits)));
    }
    if ((this.#numbers[0] ?? 0) > maxRuns || this.#partial.length > blockSize) throw tarError();
    return this.#isComplete() ? pairs(this.#numbers.slice(1)) : undefined;
  }

  #isComplete(): boolean {
    const count = this.#numbers[0];
    return count !== undefined && this.#numbers.length >= 2 * count + 1;
  }
}
