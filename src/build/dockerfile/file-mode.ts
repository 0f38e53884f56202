/** `--chmod`: octal, or symbolic as chmod(1) has it. */
import { EngineError } from '../../errors/engine-error.ts';

interface Clause {
  /** The bits of `u`, `g` and `o` it is about. */
  who: { user: boolean; group: boolean; other: boolean };
  operator: '+' | '-' | '=';
  permissions: string;
}

/** Makes the new permission bits (0 to 0o7777) from those a file has. */
export type ModeChange = (mode: number, isDirectory: boolean) => number;

/** EngineError `invalid-argument` for what is neither form. */
export function parseChmod(text: string): ModeChange {
  if (/^[0-9]+$/.test(text)) {
    const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
    if (mode <= 0o7777) return () => mode;
    throw invalid(`invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`);
  }
  const clauses = text.split(',').flatMap((part) => parseClauses(part, text));
  return (mode, isDirectory) =>
    clauses.reduce((current, clause) => applied(clause, current, isDirectory), mode & 0o7777);
}

function parseClauses(part: string, text: string): Clause[] {
  const match = /^([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)$/.exec(part);
  if (match === null) throw invalid(`invalid chmod parameter: '${text}'`);
  const letters = match[1] ?? '';
  const has = (letter: string): boolean =>
    letters === '' || letters.includes('a') || letters.includes(letter);
  const who = { user: has('u'), group: has('g'), other: has('o') };
  return [...(match[2] ?? '').matchAll(/([-+=])([ugo]|[rwxXst]*)/g)].map(
    ([, operator, permissions = '']): Clause => ({
      who,
      operator: operator === '+' || operator === '-' ? operator : '=',
      permissions,
    }),
  );
}

function applied({ who, operator, permissions }: Clause, mode: number, isDirectory: boolean): number {
  const bits = bitsOf(permissions, mode, isDirectory);
  const wanted =
    (who.user ? (bits << 6) | (permissions.includes('s') ? 0o4000 : 0) : 0) |
    (who.group ? (bits << 3) | (permissions.includes('s') ? 0o2000 : 0) : 0) |
    (who.other ? bits | (permissions.includes('t') ? 0o1000 : 0) : 0);
  if (operator === '+') return mode | wanted;
  if (operator === '-') return mode & ~wanted;
  const cleared = (who.user ? 0o4700 : 0) | (who.group ? 0o2070 : 0) | (who.other ? 0o1007 : 0);
  return (mode & ~cleared) | wanted;
}

/** Three bits; `X` is `x` for what is a directory or can be executed already. */
function bitsOf(permissions: string, mode: number, isDirectory: boolean): number {
  if (permissions === 'u') return (mode >> 6) & 7;
  if (permissions === 'g') return (mode >> 3) & 7;
  if (permissions === 'o') return mode & 7;
  const conditional = permissions.includes('X') && (isDirectory || (mode & 0o111) !== 0);
  return (
    (permissions.includes('r') ? 4 : 0) |
    (permissions.includes('w') ? 2 : 0) |
    (permissions.includes('x') || conditional ? 1 : 0)
  );
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message, { hint: 'write it as 0644, or as u=rw,go=r' });
}
