/** What a compressed log file says of itself: an extra field in the header of its gzip member (RFC 1952, section 2.3.1.1). */

export interface GzipLabel {
  /** Of the file before it was compressed. */
  identity: string;
  /** Bytes of text. */
  size: number;
}

const [magic0, magic1, deflateMethod, hasExtra, unixSystem] = [0x1f, 0x8b, 8, 4, 3];
const [idG, idL] = [0x47, 0x4c];
/** Of the header up to the extra field's length, and of the field's own header. */
const [fixedSize, fieldSize] = [12, 4];

/** A gzip header without name and time. */
export function gzipHeader({ identity, size }: GzipLabel): Buffer {
  const text = Buffer.from(JSON.stringify({ identity, size }));
  const header = Buffer.from([
    magic0,
    magic1,
    deflateMethod,
    hasExtra,
    0,
    0,
    0,
    0,
    0,
    unixSystem,
    0,
    0,
    idG,
    idL,
    0,
    0,
  ]);
  header.writeUInt16LE(text.length + fieldSize, fixedSize - 2);
  header.writeUInt16LE(text.length, fixedSize + 2);
  return Buffer.concat([header, text]);
}

/** Bytes of a file's beginning that are enough for `readGzipLabel`. */
export const labelReach = 512;

/** undefined where another program compressed it. */
export function readGzipLabel(start: Buffer): GzipLabel | undefined {
  const marks: Array<[at: number, byte: number]> = [
    [0, magic0],
    [1, magic1],
    [3, hasExtra],
    [fixedSize, idG],
    [fixedSize + 1, idL],
  ];
  if (start.length < fixedSize + fieldSize || marks.some(([at, byte]) => start[at] !== byte))
    return undefined;
  const from = fixedSize + fieldSize;
  try {
    const label: unknown = JSON.parse(start.toString('utf8', from, from + start.readUInt16LE(fixedSize + 2)));
    return isLabel(label) ? label : undefined;
  } catch {
    return undefined;
  }
}

function isLabel(value: unknown): value is GzipLabel {
  return (
    typeof value === 'object' &&
    value !== null &&
    'identity' in value &&
    typeof value.identity === 'string' &&
    'size' in value &&
    typeof value.size === 'number'
  );
}

/** What follows the compressed data (RFC 1952, section 2.3.1). */
export function gzipTrailer(checksum: number, size: number): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(checksum >>> 0, 0);
  trailer.writeUInt32LE(size % 2 ** 32, 4);
  return trailer;
}
