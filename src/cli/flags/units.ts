/** Sizes, durations and shares of processors as docker's flags take them. */
import { EngineError } from '../../errors/engine-error.ts';

const sizeUnits = 'bkmgtp';

/**
 * Bytes of `64m`, `1.5GiB`, `512`: powers of 1024 (go-units' RAMInBytes). EngineError `invalid-argument` otherwise.
 */
export function parseBytes(text: string): number {
  const separator = Math.max(...[...'0123456789. '].map((character) => text.lastIndexOf(character)));
  if (separator === -1) throw new EngineError('invalid-argument', `invalid size: '${text}'`);
  const space = text[separator] === ' ';
  const number = text.slice(0, space ? separator : separator + 1);
  const suffix = text.slice(separator + 1).toLowerCase();
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(number)) {
    throw new EngineError(
      'invalid-argument',
      `strconv.ParseFloat: parsing ${JSON.stringify(number)}: invalid syntax`,
    );
  }
  const size = Number(number);
  if (size < 0) throw new EngineError('invalid-argument', `invalid size: '${text}'`);
  const exponent = suffix === '' ? 0 : sizeUnits.indexOf(suffix.charAt(0));
  const wellFormed = suffix.length <= 1 || suffix.slice(1) === 'b' || suffix.slice(1) === 'ib';
  if (exponent < 0 || !wellFormed || (suffix.startsWith('b') && suffix.length > 1)) {
    throw new EngineError('invalid-argument', `invalid suffix: '${suffix}'`);
  }
  return Math.trunc(size * 1024 ** exponent);
}

const nanoseconds: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Nanoseconds of `1h2m3.5s` (Go's time.ParseDuration). EngineError `invalid-argument` otherwise. */
export function parseDuration(text: string): number {
  const invalid = new EngineError('invalid-argument', `time: invalid duration ${JSON.stringify(text)}`);
  const unsigned = text.replace(/^[+-]/, '');
  if (unsigned === '0') return 0;
  if (/^(\d+\.?\d*|\.\d+)$/.test(unsigned)) {
    throw new EngineError('invalid-argument', `time: missing unit in duration ${JSON.stringify(text)}`, {
      hint: 'Write a unit after the number: 30s, 5m, 1h30m.',
    });
  }
  if (!/^((\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h))+$/.test(unsigned)) throw invalid;
  let total = 0;
  for (const [, number, unit] of unsigned.matchAll(/([\d.]+)(ns|us|µs|μs|ms|s|m|h)/g)) {
    total += Number(number) * (nanoseconds[unit ?? ''] ?? Number.NaN);
  }
  return text.startsWith('-') ? -Math.trunc(total) : Math.trunc(total);
}

/** Billionths of a processor for `1.5` or `3/2`. EngineError `invalid-argument` otherwise, and beyond nine decimals. */
export function parseNanoCpus(text: string): number {
  const match = /^([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(?:\/(\d+))?$/.exec(text);
  const value = Number(match?.[1] ?? Number.NaN) / Number(match?.[2] ?? 1);
  if (Number.isNaN(value))
    throw new EngineError('invalid-argument', `failed to parse ${text} as a rational number`);
  const nano = value * 1e9;
  if (Math.abs(nano - Math.round(nano)) > 1e-3)
    throw new EngineError('invalid-argument', 'value is too precise');
  return Math.round(nano);
}
