/** The daemon's own log, on standard error: one line each, as JSON or as `key=value` text. */
import { type DestinationStream, type Logger, pino } from 'pino';

/** Writes to standard error without a buffer, so that the last words before an end are not lost. */
const stderr: DestinationStream = { write: (line) => void process.stderr.write(line) };

const text: DestinationStream = { write: (line) => void process.stderr.write(`${toText(line)}\n`) };

export function createLog(level: string, format: 'text' | 'json'): Logger {
  const options = {
    level,
    base: null,
    formatters: { level: (label: string) => ({ level: label }) },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
  };
  return pino(options, format === 'json' ? stderr : text);
}

/** `time=… level=info msg="…" key=value`, as dockerd writes it. */
export function toText(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const first = `time=${quote(time)} level=${String(level)} msg=${quote(msg ?? '')}`;
  const others = Object.entries(rest).map(
    ([key, value]) => ` ${key}=${quote(key === 'err' ? errorText(value) : value)}`,
  );
  return first + others.join('');
}

function errorText(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return 'stack' in value ? value.stack : 'message' in value ? value.message : value;
}

function quote(value: unknown): string {
  const words = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w.:/+@-]+$/.test(words) ? words : JSON.stringify(words);
}
