/** Writes the header blocks of tar members: ustar, with PAX records for all that does not fit (POSIX pax(1), "ustar Interchange Format"). */
import type { TarEntry, TarEntryType } from './tar-entry.ts';
import { blockSize } from './tar-header.ts';

const flagsByType: Readonly<Record<TarEntryType, string>> = {
  file: '0',
  link: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};

/** Two blocks of zeros. */
export const endOfArchive = Buffer.alloc(2 * blockSize);

const nameLength = 100;
/** The largest numbers of fields with 7 and 11 octal digits. */
const maxShort = 8 ** 7 - 1;
const maxLong = 8 ** 11 - 1;
const xattrPrefix = 'SCHILY.xattr.';

/** Bytes of zeros that follow `size` bytes of a file. */
export function paddingOf(size: number): number {
  return (blockSize - (size % blockSize)) % blockSize;
}

/** One PAX record: `LENGTH KEY=VALUE\n`, the length counting itself. */
function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), value, Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function paxRecords(entry: TarEntry): Buffer[] {
  const { name, link, size, uid, gid, mtime, xattrs } = entry;
  const records: Buffer[] = [];
  const add = (key: string, value: Buffer | number): void => {
    records.push(paxRecord(key, typeof value === 'number' ? Buffer.from(String(value)) : value));
  };
  if (name.length > nameLength) add('path', name);
  if (link.length > nameLength) add('linkpath', link);
  if (size > maxLong) add('size', size);
  if (uid > maxShort) add('uid', uid);
  if (gid > maxShort) add('gid', gid);
  if (mtime.seconds < 0 || mtime.seconds > maxLong) add('mtime', mtime.seconds);
  for (const [attribute, value] of xattrs) add(xattrPrefix + attribute, value);
  return records;
}

/** Where `value` does not fit, its PAX record counts. */
function octal(block: Buffer, offset: number, digits: number, value: number): void {
  const fits = value >= 0 && value < 8 ** digits;
  block.write((fits ? value : 0).toString(8).padStart(digits, '0'), offset, 'latin1');
}

function headerBlock(entry: TarEntry, flag: string): Buffer {
  const block = Buffer.alloc(blockSize);
  entry.name.copy(block, 0, 0, nameLength);
  octal(block, 100, 7, entry.mode);
  octal(block, 108, 7, entry.uid);
  octal(block, 116, 7, entry.gid);
  octal(block, 124, 11, entry.size);
  octal(block, 136, 11, entry.mtime.seconds);
  block.write('        ', 148, 'latin1');
  block.write(flag, 156, 'latin1');
  entry.link.copy(block, 157, 0, nameLength);
  block.write('ustar\x0000', 257, 'latin1');
  octal(block, 329, 7, entry.major);
  octal(block, 337, 7, entry.minor);
  let sum = 0;
  for (const byte of block) sum += byte;
  octal(block, 148, 6, sum);
  block[154] = 0;
  return block;
}

/** The blocks in front of a member's data. Times are written in whole seconds, as Docker does; names byte for byte. */
export function memberHeader(entry: TarEntry): Buffer {
  const header = headerBlock(entry, flagsByType[entry.type]);
  const records = paxRecords(entry);
  if (records.length === 0) return header;
  const body = Buffer.concat(records);
  const pax = headerBlock(
    {
      ...entry,
      name: Buffer.from('PaxHeaders/x'),
      link: Buffer.alloc(0),
      mode: 0o644,
      size: body.length,
      major: 0,
      minor: 0,
    },
    'x',
  );
  return Buffer.concat([pax, body, Buffer.alloc(paddingOf(body.length)), header]);
}
