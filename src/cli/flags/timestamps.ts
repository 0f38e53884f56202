/** Times as `--since` and `--until` take them. */
import { EngineError } from '../../errors/engine-error.ts';
import { parseDuration } from './units.ts';

/**
 * Seconds since the epoch, with nanoseconds, of `42m` (that long ago), `2025-05-01T10:00:00Z`, `2025-05-01` or a
 * number; '' for ''. EngineError `invalid-argument` otherwise, which begins with `prefix`.
 */
export function toTimestamp(value: string, prefix = '', now = Date.now()): string {
  if (value === '') return '';
  if (/^\d+(\.\d+)?$/.test(value)) return value;
  const relative = durationOf(value);
  if (relative !== undefined) return toSeconds(now - relative / 1e6, '');
  const match = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}(?::\d{2}(?::\d{2})?)?)(\.\d+)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(
    value,
  );
  const [, day = '', time = '00', fraction = '', zone = ''] = match ?? [];
  const full = `${day}T${time}${':00'.repeat(2 - (time.match(/:/g)?.length ?? 0))}${zone}`;
  const milliseconds = match === null ? Number.NaN : Date.parse(full);
  if (Number.isNaN(milliseconds)) {
    throw new EngineError(
      'invalid-argument',
      `${prefix}failed to parse value as time or duration: ${JSON.stringify(value)}`,
      {
        hint: 'Write a time such as 2025-05-01T10:00:00Z or an age such as 42m.',
      },
    );
  }
  return toSeconds(milliseconds, fraction.slice(1));
}

function durationOf(value: string): number | undefined {
  try {
    return parseDuration(value);
  } catch {
    return undefined;
  }
}

function toSeconds(milliseconds: number, fraction: string): string {
  const seconds = Math.floor(milliseconds / 1000);
  const rest =
    fraction === '' ? String(Math.round(milliseconds - seconds * 1000)).padStart(3, '0') : fraction;
  return `${seconds}.${rest.slice(0, 9).padEnd(9, '0')}`;
}
