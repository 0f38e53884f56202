/** Writes tar archives byte by byte, also wrong ones: what the tests need and no library would produce. */

/** POSIX ustar type flags (pax(1), "ustar Interchange Format"), and GNU's own. */
export const tarTypes = {
  file: '0',
  link: '1',
  symlink: '2',
  charDevice: '3',
  blockDevice: '4',
  directory: '5',
  fifo: '6',
  paxHeader: 'x',
  paxGlobal: 'g',
  gnuLongName: 'L',
  gnuLongLink: 'K',
  gnuSparse: 'S',
} as const;

export interface TarEntry {
  name: string | Buffer;
  type?: keyof typeof tarTypes | (string & {});
  data?: Buffer | string;
  mode?: number;
  uid?: number;
  gid?: number;
  /** Seconds since the epoch. */
  mtime?: number;
  link?: string | Buffer;
  major?: number;
  minor?: number;
  /** PAX records written in front of the entry. */
  pax?: Record<string, string | Buffer>;
  /** The size field, where it is not that of `data`. */
  size?: number;
  /** Patches the finished header before its checksum is computed. */
  patch?: (header: Buffer) => void;
}

function octal(header: Buffer, offset: number, length: number, value: number): void {
  if (value >= 8 ** (length - 1)) {
    header.writeBigUInt64BE(BigInt(value), offset + length - 8);
    header[offset] = 0x80;
    return;
  }
  header.write(value.toString(8).padStart(length - 1, '0'), offset, 'latin1');
}

function padding(length: number): Buffer {
  return Buffer.alloc((512 - (length % 512)) % 512);
}

function bytes(text: string | Buffer | undefined): Buffer {
  return typeof text === 'string' ? Buffer.from(text) : (text ?? Buffer.alloc(0));
}

/** The 512-byte header of an entry; names longer than 100 bytes are cut. */
export function tarHeader(entry: TarEntry): Buffer {
  const header = Buffer.alloc(512);
  const type = entry.type ?? 'file';
  bytes(entry.name).copy(header, 0, 0, 100);
  octal(header, 100, 8, entry.mode ?? (type === 'directory' ? 0o755 : 0o644));
  octal(header, 108, 8, entry.uid ?? 0);
  octal(header, 116, 8, entry.gid ?? 0);
  octal(header, 124, 12, entry.size ?? bytes(entry.data).length);
  octal(header, 136, 12, entry.mtime ?? 1_700_000_000);
  header.write(type in tarTypes ? tarTypes[type as keyof typeof tarTypes] : type, 156, 'latin1');
  bytes(entry.link).copy(header, 157, 0, 100);
  header.write('ustar\x0000', 257, 'latin1');
  octal(header, 329, 8, entry.major ?? 0);
  octal(header, 337, 8, entry.minor ?? 0);
  entry.patch?.(header);
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** One PAX record: `LENGTH KEY=VALUE\n`, the length counting itself. */
export function paxRecord(key: string, value: string | Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), bytes(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

/** One entry with all that belongs to it. */
export function tarEntry(entry: TarEntry): Buffer {
  const data = bytes(entry.data);
  const parts = [tarHeader(entry), data, padding(data.length)];
  const records = Object.entries(entry.pax ?? {}).map(([key, value]) => paxRecord(key, value));
  if (records.length > 0) {
    const body = Buffer.concat(records);
    parts.unshift(tarHeader({ name: 'pax', type: 'paxHeader', data: body }), body, padding(body.length));
  }
  return Buffer.concat(parts);
}

/** A whole archive. Names above 100 bytes are given as PAX `path`. */
export function tarOf(entries: readonly TarEntry[]): Buffer {
  const parts = entries.map((entry) =>
    tarEntry(bytes(entry.name).length > 100 ? { ...entry, pax: { path: entry.name, ...entry.pax } } : entry),
  );
  return Buffer.concat([...parts, Buffer.alloc(1024)]);
}
