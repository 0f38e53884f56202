/** Sizes as people write them: `512`, `10m`, `1.5GiB`. */

const units = 'bkmgtp';

/** Bytes, in powers of 1024; undefined for what is no size. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)i?b?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Math.floor(Number(match[1]) * 1024 ** units.indexOf((match[2] || 'b').toLowerCase()));
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
