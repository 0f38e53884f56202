/** A tar reader that is pushed bytes and calls back synchronously: sparse files, names that are not UTF-8, no copy of file data. */
import { type TarEntry, type TarEntryType, tarError } from './tar-entry.ts';
import { blockSize, isZeroBlock, parseTarHeader, type RawHeader, tarNumber } from './tar-header.ts';
import { type PaxRecords, parsePax, paxNumber, paxPath, paxTime } from './tar-pax.ts';
import { checkRuns, EmbeddedMap, gnuRuns, type PaxSparse, paxSparse, type SparseRun } from './tar-sparse.ts';

/** Called in order: `entry`, then `data` any number of times for a file, then `end`. `data` must not keep the chunk. */
export interface TarHandler {
  entry(entry: TarEntry): void;
  /** `offset` is the chunk's place in the file. */
  data(chunk: Buffer, offset: number): void;
  end(): void;
}

/** Bytes of one extension header (a long name, a PAX body); the same bound as Go's reader has. */
const maxExtension = 1024 * 1024;

const typesByFlag: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '7': 'file',
  S: 'file',
  '1': 'link',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

const xattrPrefix = 'SCHILY.xattr.';

/** What the next bytes are. */
type Expecting =
  | { kind: 'header' }
  | { kind: 'extension'; flag: string; size: number }
  | { kind: 'gnu-map'; header: RawHeader; runs: SparseRun[] }
  | { kind: 'embedded-map'; entry: TarEntry; stored: number; map: EmbeddedMap }
  | { kind: 'end' };

interface Extensions {
  longName?: Buffer;
  longLink?: Buffer;
  pax?: PaxRecords;
}

function padded(size: number): number {
  return Math.ceil(size / blockSize) * blockSize;
}

export class TarReader {
  readonly #handler: TarHandler;
  #expecting: Expecting = { kind: 'header' };
  /** Bytes to gather before `#expecting` can be acted on, and those gathered so far. */
  #wanted = blockSize;
  #gathered: Buffer[] = [];
  #gatheredLength = 0;
  #extensions: Extensions = {};
  #runs: SparseRun[] = [];
  #runIndex = 0;
  #runDone = 0;
  #dataLeft = 0;
  #skipLeft = 0;
  #inEntry = false;
  #zeroBlocks = 0;

  constructor(handler: TarHandler) {
    this.#handler = handler;
  }

  /** Takes the next bytes. EngineError `invalid-argument` where they are no tar. */
  push(chunk: Buffer): void {
    let position = 0;
    while (position < chunk.length) {
      if (this.#expecting.kind === 'end') return;
      const rest = chunk.length - position;
      if (this.#dataLeft > 0) {
        position += this.#takeData(chunk.subarray(position, position + Math.min(rest, this.#dataLeft)));
      } else if (this.#skipLeft > 0) {
        const skipped = Math.min(rest, this.#skipLeft);
        this.#skipLeft -= skipped;
        position += skipped;
      } else {
        const taken = Math.min(rest, this.#wanted - this.#gatheredLength);
        this.#gather(chunk.subarray(position, position + taken));
        position += taken;
      }
    }
  }

  /** The bytes end here. EngineError `invalid-argument` where they ended within a member. */
  finish(): void {
    if (this.#expecting.kind === 'end') return;
    const between =
      this.#expecting.kind === 'header' &&
      this.#gatheredLength === 0 &&
      Object.keys(this.#extensions).length === 0;
    // The padding behind the last member may be missing.
    if (!between || this.#dataLeft > 0 || this.#inEntry) throw tarError('unexpected EOF');
  }

  #gather(part: Buffer): void {
    this.#gatheredLength += part.length;
    const isComplete = this.#gatheredLength === this.#wanted;
    // What has to wait must outlive the chunk.
    this.#gathered.push(isComplete ? part : Buffer.from(part));
    if (!isComplete) return;
    const whole = this.#gathered.length === 1 ? part : Buffer.concat(this.#gathered);
    this.#gathered = [];
    this.#gatheredLength = 0;
    this.#act(whole);
  }

  #act(bytes: Buffer): void {
    const expecting = this.#expecting;
    switch (expecting.kind) {
      case 'header':
        this.#header(bytes);
        break;
      case 'extension':
        this.#extension(expecting.flag, bytes.subarray(0, expecting.size));
        break;
      case 'gnu-map':
        expecting.runs.push(...gnuRuns(bytes, 0, 21));
        this.#gnuMap(expecting.header, expecting.runs, bytes.subarray(504));
        break;
      case 'embedded-map':
        this.#embeddedMap(expecting, bytes);
        break;
      case 'end':
        break;
    }
  }

  #expect(next: Expecting, wanted = blockSize): void {
    this.#expecting = next;
    this.#wanted = wanted;
  }

  #header(block: Buffer): void {
    if (isZeroBlock(block)) {
      this.#zeroBlocks += 1;
      if (this.#zeroBlocks === 2) this.#expect({ kind: 'end' });
      return;
    }
    this.#zeroBlocks = 0;
    // The block may be a view of a chunk that its owner uses again.
    const header = parseTarHeader(Buffer.from(block));
    if ('xgLK'.includes(header.flag)) this.#beginExtension(header);
    else if (header.flag === 'V') this.#ignore(header.size);
    else if (header.flag === 'S')
      this.#gnuMap(header, gnuRuns(header.block, 386, 4), header.block.subarray(482));
    else this.#member(header, []);
  }

  #beginExtension(header: RawHeader): void {
    if (header.flag === 'g') {
      this.#ignore(header.size);
      return;
    }
    if (header.size > maxExtension) throw tarError('an extended header is too large');
    if (header.size === 0) return;
    this.#expect({ kind: 'extension', flag: header.flag, size: header.size }, padded(header.size));
  }

  #ignore(size: number): void {
    this.#skipLeft = padded(size);
  }

  #extension(flag: string, body: Buffer): void {
    const end = body.indexOf(0);
    const name = Buffer.from(end === -1 ? body : body.subarray(0, end));
    if (flag === 'x') this.#extensions.pax = parsePax(body);
    else if (flag === 'L') this.#extensions.longName = name;
    else this.#extensions.longLink = name;
    this.#expect({ kind: 'header' });
  }

  /** `more` begins with the byte that tells whether another block of the map follows. */
  #gnuMap(header: RawHeader, runs: SparseRun[], more: Buffer): void {
    if (runs.length > maxExtension) throw tarError();
    if (more[0] === 0) this.#member(header, runs);
    else this.#expect({ kind: 'gnu-map', header, runs });
  }

  #embeddedMap(expecting: Extract<Expecting, { kind: 'embedded-map' }>, block: Buffer): void {
    const { entry, stored, map } = expecting;
    const runs = map.add(block);
    if (map.taken > padded(stored)) throw tarError();
    if (runs !== undefined) this.#begin(entry, runs, stored - map.taken);
  }

  /** The header of a real member is complete. */
  #member(header: RawHeader, gnuSparseRuns: SparseRun[]): void {
    const extensions = this.#extensions;
    this.#extensions = {};
    const pax = extensions.pax ?? [];
    const { entry, stored } = mergeHeader(header, extensions, pax);
    const sparse = entry.type === 'file' ? paxSparse(pax) : undefined;
    if (entry.type !== 'file') this.#begin({ ...entry, size: 0 }, [], 0);
    else if (header.flag === 'S')
      this.#begin({ ...entry, size: tarNumber(header.block, 483, 12) }, gnuSparseRuns, stored);
    else if (sparse === undefined) this.#begin(entry, [{ offset: 0, length: stored }], stored);
    else this.#sparseMember({ ...entry, size: sparse.size, name: sparse.name ?? entry.name }, sparse, stored);
  }

  #sparseMember(entry: TarEntry, sparse: PaxSparse, stored: number): void {
    if (sparse.kind === 'runs') this.#begin(entry, sparse.runs, stored);
    else this.#expect({ kind: 'embedded-map', entry, stored, map: new EmbeddedMap() });
  }

  #begin(entry: TarEntry, runs: SparseRun[], stored: number): void {
    checkRuns(runs, entry.size, stored);
    this.#expect({ kind: 'header' });
    this.#runs = runs;
    this.#runIndex = 0;
    this.#runDone = 0;
    this.#dataLeft = stored;
    this.#skipLeft = padded(stored) - stored;
    this.#inEntry = true;
    this.#handler.entry(entry);
    if (stored === 0) this.#endEntry();
  }

  #endEntry(): void {
    this.#inEntry = false;
    this.#handler.end();
  }

  /** Hands out file data by its place in the file. Returns the bytes taken. */
  #takeData(chunk: Buffer): number {
    let position = 0;
    while (position < chunk.length) {
      const run = this.#runs[this.#runIndex];
      if (run === undefined) throw tarError();
      const part = chunk.subarray(position, position + run.length - this.#runDone);
      if (part.length > 0) this.#handler.data(part, run.offset + this.#runDone);
      this.#runDone += part.length;
      position += part.length;
      if (this.#runDone < run.length) break;
      this.#runIndex += 1;
      this.#runDone = 0;
    }
    this.#dataLeft -= chunk.length;
    if (this.#dataLeft === 0) this.#endEntry();
    return chunk.length;
  }
}

/** Lets extension headers overrule the fixed ones: PAX before GNU before the block. `stored` is the bytes in the archive. */
function mergeHeader(
  header: RawHeader,
  extensions: Extensions,
  pax: PaxRecords,
): { entry: TarEntry; stored: number } {
  const records = new Map(pax);
  const value = <T>(key: string, read: (bytes: Buffer) => T, otherwise: T): T => {
    const bytes = records.get(key);
    return bytes === undefined || bytes.length === 0 ? otherwise : read(bytes);
  };
  const name = value('path', paxPath, extensions.longName ?? header.name);
  const type = typesByFlag[header.flag];
  if (type === undefined) throw tarError(`unhandled tar header type ${header.flag.charCodeAt(0)}`);
  const stored = value('size', paxNumber, header.size);
  const xattrs = new Map(
    pax
      .filter(([key]) => key.startsWith(xattrPrefix))
      .map(([key, bytes]) => [key.slice(xattrPrefix.length), bytes]),
  );
  const entry: TarEntry = {
    name,
    // Before there was a type for them, directories were files whose name ends in a slash.
    type: type === 'file' && name.at(-1) === 0x2f && stored === 0 ? 'directory' : type,
    link: value('linkpath', paxPath, extensions.longLink ?? header.link),
    mode: header.mode,
    uid: value('uid', paxNumber, header.uid),
    gid: value('gid', paxNumber, header.gid),
    size: stored,
    mtime: value('mtime', paxTime, { seconds: header.mtime, nanoseconds: 0 }),
    major: header.major,
    minor: header.minor,
    xattrs,
  };
  return { entry, stored };
}
