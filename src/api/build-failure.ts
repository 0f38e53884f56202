/** Errors of builds in the words of Docker's classic builder. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { ClassicStep } from './build-steps.ts';

/** `details.exitCode` is kept: it goes into the stream's last line. */
export function classicFailure(error: unknown, step: ClassicStep | undefined): unknown {
  if (!isEngineError(error)) return error;
  const { exitCode, command, path } = error.details;
  if (typeof exitCode === 'number' && typeof command === 'string')
    return new EngineError(error.code, `The command '${command}' returned a non-zero code: ${exitCode}`, {
      cause: error,
      details: error.details,
    });
  const keyword = step?.text.split(/\s/, 1)[0]?.toUpperCase();
  if ((keyword !== 'COPY' && keyword !== 'ADD') || error.code !== 'not-found') return error;
  const missing = typeof path === 'string' ? `stat ${path}: file does not exist` : error.message;
  return new EngineError(
    'not-found',
    `${keyword} failed: file not found in build context or excluded by .dockerignore: ${missing}`,
    { cause: error },
  );
}
