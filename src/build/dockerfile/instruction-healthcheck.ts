/** HEALTHCHECK. */

import { quoted } from '../../util/characters.ts';
import type { Healthcheck, HealthcheckInstruction } from './ast.ts';
import { parseDuration } from './durations.ts';
import { commandOf, flagsOf, type InstructionContext, invalid, needsOne } from './instruction-context.ts';
import { splitOnce } from './split.ts';

const millisecond = 1e6;

export function readHealthcheck(context: InstructionContext): HealthcheckInstruction {
  if (context.rest === '') throw needsOne(context, 'HEALTHCHECK CMD curl -f http://localhost/');
  const [word, rest] = splitOnce(context.rest) ?? [context.rest, ''];
  const type = word.toUpperCase();
  if (type === 'NONE') {
    if (rest !== '') throw invalid('HEALTHCHECK NONE takes no arguments', 'remove what stands after NONE');
    return { ...context.base, kind: 'healthcheck', check: 'none' };
  }
  if (type !== 'CMD')
    throw invalid(`Unknown type ${quoted(type)} in HEALTHCHECK (try CMD)`, 'write HEALTHCHECK CMD COMMAND');
  return { ...context.base, kind: 'healthcheck', check: readCheck(context, rest) };
}

function readCheck(context: InstructionContext, text: string): Healthcheck {
  const flags = flagsOf(context, {
    interval: 'string',
    timeout: 'string',
    'start-period': 'string',
    'start-interval': 'string',
    retries: 'string',
  });
  const command = commandOf(text);
  if (text === '' || (command.form === 'exec' && command.args.length === 0))
    throw invalid('Missing command after HEALTHCHECK CMD', 'write the command that checks');
  const duration = (name: string): number => durationOf(name, flags.string(name) ?? '');
  return {
    command,
    interval: duration('interval'),
    timeout: duration('timeout'),
    startPeriod: duration('start-period'),
    startInterval: duration('start-interval'),
    retries: retriesOf(flags.string('retries') ?? ''),
  };
}

/** Nanoseconds; 0 stands for the default. */
function durationOf(flag: string, text: string): number {
  if (text === '') return 0;
  const duration = parseDuration(text);
  if (duration === 0 || duration >= millisecond) return duration;
  throw invalid(`Interval ${quoted(flag)} cannot be less than 1ms`, 'write a longer one, for example 5s');
}

function retriesOf(text: string): number {
  if (text === '') return 0;
  const number = /^[+-]?[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isNaN(number) || Math.abs(number) > 2 ** 31 - 1)
    throw invalid(
      `invalid value ${quoted(text)} for --retries`,
      'write a whole number, for example --retries=3',
    );
  if (number < 0) throw invalid(`--retries cannot be negative (${number})`, 'write a whole number from 0');
  return number;
}
