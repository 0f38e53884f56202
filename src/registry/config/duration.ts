/** Durations as Go writes them, and sizes as people do. */

const units: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

/** Milliseconds of `1h30m`, `500ms`, also `7d` and `2w` (which Go does not know); of a bare number as nanoseconds, as Go's YAML has it. Undefined where it is none. */
export function parseDuration(value: string | number): number | undefined {
  if (typeof value === 'number') return value >= 0 && Number.isFinite(value) ? value / 1e6 : undefined;
  const text = value.trim();
  if (text === '0') return 0;
  if (/^\d+$/.test(text)) return Number(text) / 1e6;
  if (!/^(\d+(\.\d*)?(ns|us|µs|μs|ms|s|m|h|d|w))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount = '', unit = ''] of text.matchAll(/([\d.]+)([a-zµμ]+)/g))
    total += Number(amount) * (units[unit] ?? 0);
  return total;
}

const powers: Record<string, number> = { '': 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** Bytes of `10GB`, `512MiB`, `4096`: as docker's client reads sizes, powers of 1024. Undefined where it is none. */
export function parseSize(value: string | number): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  const match = /^(\d+(?:\.\d+)?)\s*([kmgtp]?)(?:i?b)?$/i.exec(value.trim());
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * 1024 ** (powers[(match[2] ?? '').toLowerCase()] ?? 0));
}
