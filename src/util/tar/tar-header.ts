/** The 512-byte header block of a tar member: V7, ustar, star and GNU (POSIX pax(1); GNU tar manual, "Basic Tar Format"). */
import { tarError } from './tar-entry.ts';

export const blockSize = 512;

export interface RawHeader {
  name: Buffer;
  link: Buffer;
  /** The type flag's character; `0` for the NUL of old archives. */
  flag: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  major: number;
  minor: number;
  block: Buffer;
}

/** The bytes before the first NUL. */
function text(block: Buffer, offset: number, length: number): Buffer {
  const field = block.subarray(offset, offset + length);
  const end = field.indexOf(0);
  return Buffer.from(end === -1 ? field : field.subarray(0, end));
}

/** A number in octal, or in GNU's base 256 where its first bit is set. */
export function tarNumber(block: Buffer, offset: number, length: number): number {
  if (((block[offset] ?? 0) & 0x80) !== 0) return base256(block.subarray(offset, offset + length));
  const digits = block
    .toString('latin1', offset, offset + length)
    .replace(/^[ \0]+/, '')
    .replace(/[ \0].*$/s, '');
  if (digits === '') return 0;
  if (!/^[0-7]+$/.test(digits)) throw tarError();
  return Number.parseInt(digits, 8);
}

/** Two's complement, the first bit a mark and not part of the number. */
function base256(field: Buffer): number {
  const first = field[0] ?? 0;
  const negative = (first & 0x40) !== 0;
  let value = negative ? -1n : 0n;
  value = (value << 6n) | BigInt(first & 0x3f);
  for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
  if (value > BigInt(Number.MAX_SAFE_INTEGER) || value < BigInt(Number.MIN_SAFE_INTEGER)) throw tarError();
  return Number(value);
}

/** Sums the bytes with the checksum field as spaces; old writers summed signed bytes. */
function checksumFits(block: Buffer): boolean {
  const stored = tarNumber(block, 148, 8);
  let unsigned = 8 * 32;
  let signed = 8 * 32;
  for (let index = 0; index < blockSize; index += 1) {
    if (index === 148) index += 8;
    const byte = block[index] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  return stored === unsigned || stored === signed;
}

export function isZeroBlock(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

/** ustar splits long names into prefix and name; GNU puts other things in the prefix's place; star has a shorter one. */
function prefixOf(block: Buffer): Buffer {
  const magic = block.toString('latin1', 257, 263);
  if (magic !== 'ustar\0') return Buffer.alloc(0);
  const star = block.toString('latin1', 508, 512) === 'tar\0';
  return text(block, 345, star ? 131 : 155);
}

/** Reads a header block. EngineError `invalid-argument` where its checksum or a number is wrong. */
export function parseTarHeader(block: Buffer): RawHeader {
  if (!checksumFits(block)) throw tarError();
  const prefix = prefixOf(block);
  const name = text(block, 0, 100);
  const flag = String.fromCharCode(block[156] ?? 0);
  const size = tarNumber(block, 124, 12);
  if (size < 0) throw tarError();
  const hasDevice = block.toString('latin1', 257, 262) === 'ustar';
  return {
    name: prefix.length === 0 ? name : Buffer.concat([prefix, Buffer.from('/'), name]),
    link: text(block, 157, 100),
    flag: flag === '\0' ? '0' : flag,
    mode: tarNumber(block, 100, 8) & 0o7777,
    uid: tarNumber(block, 108, 8),
    gid: tarNumber(block, 116, 8),
    size,
    mtime: tarNumber(block, 136, 12),
    major: hasDevice ? tarNumber(block, 329, 8) : 0,
    minor: hasDevice ? tarNumber(block, 337, 8) : 0,
    block,
  };
}
