/** Files of `KEY=value` lines: `--env-file` and `--label-file`. */
import { readFileSync } from 'node:fs';
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';

/** Variables: a name alone takes the caller's value, and is left out where the caller has none. */
export function readEnvFile(path: string): string[] {
  return readLines(path).flatMap((line) => {
    const equals = line.indexOf('=');
    const name = equals < 0 ? line : line.slice(0, equals);
    checkName(path, name, line, 'environment variable');
    if (equals >= 0) return [line];
    const own = process.env[name.trim()];
    return own === undefined ? [] : [`${name.trim()}=${own}`];
  });
}

/** Labels: a name alone has an empty value. */
export function readLabelFile(path: string): string[] {
  return readLines(path).map((line) => {
    checkName(path, line.split('=')[0] ?? '', line, 'label');
    return line;
  });
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

function checkName(path: string, name: string, line: string, noun: string): void {
  if (name === '') {
    throw new EngineError(
      'invalid-argument',
      `invalid ${noun}: no variable name on line '${line}' of ${path}`,
    );
  }
  if (/\s/.test(name.trimEnd())) {
    throw new EngineError(
      'invalid-argument',
      `invalid ${noun}: variable '${name}' contains whitespaces (in ${path})`,
    );
  }
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
