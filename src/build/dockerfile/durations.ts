/** Durations as Go writes them: `1h2m3.5s`, `300ms`. */
import { EngineError } from '../../errors/engine-error.ts';
import { quoted } from '../../util/characters.ts';

const nanoseconds: Record<string, number> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

/** Characters; nobody writes more, and the expressions below would take long. */
const longest = 100;

/** Whole nanoseconds. EngineError `invalid-argument` in Go's words. */
export function parseDuration(text: string): number {
  if (text.length > longest) throw invalid(`invalid duration ${quoted(`${text.slice(0, longest)}…`)}`);
  const [, sign, rest] = /^([+-]?)(.*)$/su.exec(text) ?? [];
  if (rest === '0') return 0;
  const parts = rest?.match(/(\d+\.?\d*|\.\d+)[a-zA-Zµμ]+/gu) ?? [];
  if (/^(\d+\.?\d*|\.\d+)$/.test(rest ?? '')) throw invalid(`missing unit in duration ${quoted(text)}`);
  if (parts.length === 0 || parts.join('') !== rest) throw invalid(`invalid duration ${quoted(text)}`);
  const total = parts.reduce((sum, part) => sum + partOf(part, text), 0);
  if (total > Number.MAX_SAFE_INTEGER) throw invalid(`invalid duration ${quoted(text)}`);
  return Math.round(sign === '-' ? -total : total);
}

function partOf(part: string, text: string): number {
  const [, number, unit] = /^([\d.]+)(.+)$/u.exec(part) ?? [];
  const scale = Object.hasOwn(nanoseconds, unit ?? '') ? nanoseconds[unit ?? ''] : undefined;
  if (scale === undefined) throw invalid(`unknown unit ${quoted(unit ?? '')} in duration ${quoted(text)}`);
  return Number(number) * scale;
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', `time: ${message}`, {
    hint: 'write numbers with units: ns, us, ms, s, m or h, for example 1m30s',
  });
}
