/** From an error to the exit code and the lines on stderr. */
import { isEngineError, messageOf } from '../errors/engine-error.ts';
import { brokenPipe } from './io.ts';

/** Wrong flags, and a container that could not be run. */
export const usageExitCode = 125;

/** 141 for an output that nobody reads, what the error says, 130 for an interrupt, or 1. */
export function exitCodeOf(error: unknown): number {
  if (isEngineError(error) && error.message === brokenPipe) return 128 + 13;
  const code = isEngineError(error) ? error.details['exitCode'] : undefined;
  if (typeof code === 'number') return code;
  return isEngineError(error, 'cancelled') ? 130 : 1;
}

/** The message, its hint, and with `debug` the chain of causes. */
export function describeError(error: unknown, debug: boolean): string {
  if (isEngineError(error) && error.message === brokenPipe) return '';
  const lines = [messageOf(error)];
  if (isEngineError(error) && error.hint !== undefined) lines.push(error.hint);
  for (let cause = debug ? causeOf(error) : undefined; cause !== undefined; cause = causeOf(cause)) {
    lines.push(`  caused by: ${messageOf(cause)}`);
  }
  return lines.map((line) => `${line}\n`).join('');
}

function causeOf(error: unknown): unknown {
  return error instanceof Error ? error.cause : undefined;
}
