/** Reads small zip archives (APPNOTE.TXT 4.3): those that other tools make of a context. */
import { inflateRawSync } from 'node:zlib';
import { EngineError, messageOf } from '../errors/engine-error.ts';

const endSignature = 0x06054b50;
const entrySignature = 0x02014b50;
const fileSignature = 0x04034b50;
const endSize = 22;
const entrySize = 46;
const fileHeaderSize = 30;

/** Contents by path, directories left out. EngineError `invalid-argument` for what is no zip, and for more than `limit` bytes. */
export function unzip(archive: Buffer, limit: number): Map<string, Buffer> {
  try {
    return readEntries(archive, limit);
  } catch (error) {
    throw new EngineError('invalid-argument', `invalid context: zip: ${messageOf(error)}`, { cause: error });
  }
}

function readEntries(archive: Buffer, limit: number): Map<string, Buffer> {
  const end = findEnd(archive);
  const count = archive.readUInt16LE(end + 10);
  let offset = archive.readUInt32LE(end + 16);
  let left = limit;
  const files = new Map<string, Buffer>();
  for (let index = 0; index < count; index += 1) {
    if (archive.readUInt32LE(offset) !== entrySignature) throw new Error('the directory is damaged');
    const nameLength = archive.readUInt16LE(offset + 28);
    const name = archive.toString('utf8', offset + entrySize, offset + entrySize + nameLength);
    if (!name.endsWith('/')) {
      const content = readFile(archive, offset, left);
      left -= content.length;
      files.set(name, content);
    }
    offset += entrySize + nameLength + archive.readUInt16LE(offset + 30) + archive.readUInt16LE(offset + 32);
  }
  return files;
}

/** The end of the directory stands at the end, before a comment of up to 64 KiB. */
function findEnd(archive: Buffer): number {
  const lowest = Math.max(0, archive.length - endSize - 0xffff);
  for (let offset = archive.length - endSize; offset >= lowest; offset -= 1) {
    if (archive.readUInt32LE(offset) === endSignature) return offset;
  }
  throw new Error('it has no directory');
}

function readFile(archive: Buffer, entry: number, limit: number): Buffer {
  const method = archive.readUInt16LE(entry + 10);
  const size = archive.readUInt32LE(entry + 20);
  const header = archive.readUInt32LE(entry + 42);
  if (archive.readUInt32LE(header) !== fileSignature) throw new Error('a file is damaged');
  const start =
    header + fileHeaderSize + archive.readUInt16LE(header + 26) + archive.readUInt16LE(header + 28);
  const data = archive.subarray(start, start + size);
  if (data.length !== size || size > limit) throw new Error('a file is too long');
  if (method === 0) return Buffer.from(data);
  if (method === 8) return inflateRawSync(data, { maxOutputLength: Math.max(1, limit) });
  throw new Error(`compression method ${method} is not known`);
}
