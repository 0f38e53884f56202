/** Cuts a zstd stream at the ends of its frames (RFC 8878, 3.1), because Node's decompressor drops what follows a frame in one write. */
import { Transform, type TransformCallback } from 'node:stream';

type State =
  | { kind: 'frame' }
  /** A skippable frame: the decompressor need not see it. */
  | { kind: 'skip'; left: number }
  | { kind: 'descriptor' }
  | { kind: 'fields'; left: number }
  | { kind: 'block-header'; value: number; bytes: number }
  | { kind: 'block'; left: number; isLast: boolean }
  | { kind: 'checksum'; left: number }
  /** No zstd after all: for the decompressor to complain about. */
  | { kind: 'unknown' };

const frameMagic = 0xfd2fb528;
const skippableMagic = 0x184d2a50;
const dictionaryIdSizes = [0, 1, 2, 4] as const;
const contentSizes = [0, 2, 4, 8] as const;

export class ZstdFrames extends Transform {
  #state: State = { kind: 'frame' };
  #hasChecksum = false;
  /** The beginning of a frame's first 8 bytes, where a chunk ended within them. */
  #stash: Buffer = Buffer.alloc(0);

  constructor() {
    super({ readableHighWaterMark: 1024 * 1024 });
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const data = this.#stash.length === 0 ? chunk : Buffer.concat([this.#stash, chunk]);
    this.#stash = Buffer.alloc(0);
    let start = 0;
    let at = 0;
    for (let next: number | undefined = 0; next !== undefined && at < data.length; ) {
      const before: string = this.#state.kind;
      next = this.#step(data, at);
      const isDropped = before === 'skip' || (before === 'frame' && this.#state.kind === 'skip');
      at = next ?? at;
      if (isDropped) start = at;
      else if (this.#state.kind === 'frame' && start < at) {
        this.push(data.subarray(start, at));
        start = at;
      }
    }
    if (at < data.length) this.#stash = Buffer.from(data.subarray(at));
    if (start < at) this.push(data.subarray(start, at));
    done();
  }

  override _flush(done: TransformCallback): void {
    if (this.#stash.length > 0) this.push(this.#stash);
    done();
  }

  /** Takes what it can of `data` from `at` on. Returns how far it came; undefined where it needs more at once than there is. */
  #step(data: Buffer, at: number): number | undefined {
    const state = this.#state;
    switch (state.kind) {
      case 'frame':
        return this.#beginFrame(data, at);
      case 'descriptor':
        this.#readDescriptor(data[at] ?? 0);
        return at + 1;
      case 'block-header':
        this.#readBlockHeader(state, data[at] ?? 0);
        return at + 1;
      case 'unknown':
        return data.length;
      case 'skip':
      case 'fields':
      case 'block':
      case 'checksum': {
        const taken = Math.min(state.left, data.length - at);
        state.left -= taken;
        if (state.left === 0) this.#state = this.#after(state);
        return at + taken;
      }
    }
  }

  #beginFrame(data: Buffer, at: number): number | undefined {
    if (data.length - at < 4) return undefined;
    const magic = data.readUInt32LE(at);
    if (magic >>> 4 !== skippableMagic >>> 4) {
      this.#state = { kind: magic === frameMagic ? 'descriptor' : 'unknown' };
      return at + 4;
    }
    if (data.length - at < 8) return undefined;
    const left = data.readUInt32LE(at + 4);
    this.#state = { kind: 'skip', left };
    return at + 8;
  }

  #readDescriptor(descriptor: number): void {
    const isSingle = (descriptor & 0x20) !== 0;
    this.#hasChecksum = (descriptor & 0x04) !== 0;
    const contentFlag = descriptor >> 6;
    const contentSize = contentFlag === 0 && isSingle ? 1 : (contentSizes[contentFlag] ?? 0);
    const left = (isSingle ? 0 : 1) + (dictionaryIdSizes[descriptor & 3] ?? 0) + contentSize;
    this.#state = left === 0 ? newBlock() : { kind: 'fields', left };
  }

  #readBlockHeader(state: Extract<State, { kind: 'block-header' }>, byte: number): void {
    state.value |= byte << (8 * state.bytes);
    state.bytes += 1;
    if (state.bytes < 3) return;
    const isLast = (state.value & 1) === 1;
    const isRun = ((state.value >> 1) & 3) === 1;
    const left = isRun ? 1 : state.value >> 3;
    const block: State = { kind: 'block', left, isLast };
    this.#state = left === 0 ? this.#after(block) : block;
  }

  #after(state: Extract<State, { left: number }>): State {
    if (state.kind === 'fields' || (state.kind === 'block' && !state.isLast)) return newBlock();
    if (state.kind === 'block' && this.#hasChecksum) return { kind: 'checksum', left: 4 };
    return { kind: 'frame' };
  }
}

function newBlock(): State {
  return { kind: 'block-header', value: 0, bytes: 0 };
}
