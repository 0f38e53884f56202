/** Files of `KEY=value` lines: `--env-file` and `--label-file`. */
import { readFileSync } from 'node:fs';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';

/** Variables: a name alone takes the caller's value, and is left out where the caller has none. */
export function readEnvFile(path: string): string[] {
  return readPairs(path, (name) => process.env[name]);
}

/** Labels: a name alone is left out. */
export function readLabelFile(path: string): string[] {
  return readPairs(path, () => undefined);
}

function readPairs(path: string, lookUp: (name: string) => string | undefined): string[] {
  return readLines(path).flatMap((line) => {
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    if (name === '') throw invalid(path, `no variable name on line '${line}'`);
    if (/\s/.test(name.trimEnd())) throw invalid(path, `variable '${name}' contains whitespaces`);
    if (equals >= 0) return [line];
    const value = lookUp(name.trim());
    return value === undefined ? [] : [`${name.trim()}=${value}`];
  });
}

function invalid(path: string, problem: string): EngineError {
  return new EngineError('invalid-argument', `invalid env file (${path}): ${problem}`);
}

function readLines(path: string): string[] {
  let content: string;
  try {
    content = readFileSync(path, 'utf8');
  } catch (error) {
    throw fileError('open', path, error);
  }
  const lines = content.replace(/^\uFEFF/, '').split('\n');
  return lines
    .map((line) => line.replace(/\r$/, '').trimStart())
    .filter((line) => line !== '' && !line.startsWith('#'));
}

/** Go's words for a file that can't be used: `open /nope: no such file or directory`. */
export function fileError(action: string, path: string, error: unknown): EngineError {
  const texts: Readonly<Record<string, string>> = {
    ENOENT: 'no such file or directory',
    EACCES: 'permission denied',
    EISDIR: 'is a directory',
    EEXIST: 'file exists',
  };
  const reason = texts[errnoOf(error) ?? ''] ?? messageOf(error);
  return new EngineError('invalid-argument', `${action} ${path}: ${reason}`, { cause: error });
}
