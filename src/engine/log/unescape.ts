/** Writes a JSON string's content without its escapes (RFC 8259, section 7), bytes to bytes. */

const quote = 0x22;
const backslash = 0x5c;
const unicode = 0x75;
/** By the letter after the backslash. */
const simple = new Uint8Array(256);
for (const [letter, byte] of Object.entries({
  n: 10,
  r: 13,
  t: 9,
  b: 8,
  f: 12,
  '"': quote,
  '\\': backslash,
  '/': 47,
})) {
  simple[letter.charCodeAt(0)] = byte;
}

/**
 * Copies `bytes[start, end)` to `out` from `at` on; returns the place after the last byte written, or -1 where there is a bare quote or a bad escape.
 * Never writes more bytes than it reads.
 */
export function copyUnescaped(bytes: Buffer, start: number, end: number, out: Buffer, at: number): number {
  let length = at;
  for (let index = start; index < end; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte === quote) return -1;
    if (byte !== backslash) {
      out[length++] = byte;
      continue;
    }
    const letter = index + 1 < end ? (bytes[index + 1] ?? 0) : 0;
    index += 1;
    if (letter !== unicode) {
      const plain = simple[letter] ?? 0;
      if (plain === 0) return -1;
      out[length++] = plain;
      continue;
    }
    const code = codePointAt(bytes, index + 1, end);
    if (code < 0) return -1;
    index += code > 0xffff ? 10 : 4;
    length = writeCodePoint(code, out, length);
  }
  return length;
}

/** The character of `XXXX`, or of the pair `XXXX\uXXXX`; half a pair counts as U+FFFD; -1 for no hexadecimal number. */
function codePointAt(bytes: Buffer, at: number, end: number): number {
  const high = hexAt(bytes, at, end);
  if (high < 0xd800 || high > 0xdfff) return high;
  const pairs = high < 0xdc00 && bytes[at + 4] === backslash && bytes[at + 5] === unicode;
  const low = pairs ? hexAt(bytes, at + 6, end) : -1;
  if (low < 0xdc00 || low > 0xdfff) return 0xfffd;
  return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
}

function hexAt(bytes: Buffer, at: number, end: number): number {
  if (at + 4 > end) return -1;
  const text = bytes.toString('latin1', at, at + 4);
  return /^[0-9a-fA-F]{4}$/.test(text) ? Number.parseInt(text, 16) : -1;
}

function writeCodePoint(code: number, out: Buffer, at: number): number {
  if (code < 0x80) {
    out[at] = code;
    return at + 1;
  }
  return at + out.write(String.fromCodePoint(code), at, 'utf8');
}
