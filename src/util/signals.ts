/** Linux signals by name and number, in the spellings that Docker's clients use. */
import { EngineError } from '../errors/engine-error.ts';

/** signal(7), x86 and arm numbers. */
const numbers: Readonly<Record<string, number>> = {
  HUP: 1,
  INT: 2,
  QUIT: 3,
  ILL: 4,
  TRAP: 5,
  ABRT: 6,
  IOT: 6,
  BUS: 7,
  FPE: 8,
  KILL: 9,
  USR1: 10,
  SEGV: 11,
  USR2: 12,
  PIPE: 13,
  ALRM: 14,
  TERM: 15,
  STKFLT: 16,
  CHLD: 17,
  CLD: 17,
  CONT: 18,
  STOP: 19,
  TSTP: 20,
  TTIN: 21,
  TTOU: 22,
  URG: 23,
  XCPU: 24,
  XFSZ: 25,
  VTALRM: 26,
  PROF: 27,
  WINCH: 28,
  IO: 29,
  POLL: 29,
  PWR: 30,
  SYS: 31,
  UNUSED: 31,
};
/** The C library keeps 32 and 33 for itself. */
const realTimeMin = 34;
const realTimeMax = 64;

/**
 * The number of a signal given as `9`, `KILL`, `sigkill`, `RTMIN+3` or `RTMAX-2`.
 * EngineError `invalid-argument` "invalid signal: X" otherwise.
 */
export function parseSignal(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return parseNumber(text);
  const name = text.toUpperCase().replace(/^SIG/, '');
  const number = Object.hasOwn(numbers, name) ? numbers[name] : parseRealTime(name);
  if (number === undefined) throw invalidSignal(text);
  return number;
}

function parseNumber(text: string): number {
  const number = Number(text);
  if (number === 0) throw invalidSignal(text);
  if (number < 0 || number > realTimeMax) {
    throw new EngineError('invalid-argument', `The linux daemon does not support signal ${number}`, {
      hint: `Give a number from 1 to ${realTimeMax} or a name such as TERM.`,
    });
  }
  return number;
}

function parseRealTime(name: string): number | undefined {
  const match = /^RT(?:MIN(?:\+(\d{1,2}))?|MAX(?:-(\d{1,2}))?)$/.exec(name);
  if (match === null) return undefined;
  const number = name.startsWith('RTMIN')
    ? realTimeMin + Number(match[1] ?? 0)
    : realTimeMax - Number(match[2] ?? 0);
  return number >= realTimeMin && number <= realTimeMax ? number : undefined;
}

function invalidSignal(text: string): EngineError {
  return new EngineError('invalid-argument', `invalid signal: ${text}`, {
    hint: 'Give a name such as TERM or SIGKILL, or a number from 1 to 64.',
  });
}

/** `SIGTERM` for 15, `SIGRTMIN+2` for 36; the number itself where it has no name. */
export function signalName(number: number): string {
  for (const [name, value] of Object.entries(numbers)) if (value === number) return `SIG${name}`;
  if (number === realTimeMin) return 'SIGRTMIN';
  if (number > realTimeMin && number <= realTimeMax) return `SIGRTMIN+${number - realTimeMin}`;
  return String(number);
}
