/** FROM and ARG: where a stage begins, and what may be given from outside. */

import { quoted } from '../../util/characters.ts';
import type { ArgInstruction, FromInstruction } from './ast.ts';
import { descriptionOf, flagsOf, type InstructionContext, invalid, needsOne } from './instruction-context.ts';
import { splitAtBlanks, splitWords } from './split.ts';

export function readFrom(context: InstructionContext): FromInstruction {
  const words = splitAtBlanks(context.rest);
  const [image, as, writtenName] = words;
  const isNamed = words.length === 3 && as?.toLowerCase() === 'as';
  if (image === undefined || (words.length !== 1 && !isNamed)) {
    throw invalid('FROM requires either one or three arguments', 'write FROM IMAGE or FROM IMAGE AS NAME');
  }
  if (isNamed) checkName(writtenName ?? '');
  return {
    ...context.base,
    kind: 'from',
    image,
    name: isNamed ? writtenName?.toLowerCase() : undefined,
    writtenName: isNamed ? writtenName : undefined,
    as: isNamed ? as : undefined,
    platform: flagsOf(context, { platform: 'string' }).string('platform'),
  };
}

function checkName(name: string): void {
  if (/^[a-z][a-z0-9-_.]*$/.test(name.toLowerCase())) return;
  throw invalid(
    `invalid name for build stage: ${quoted(name)}, name can't start with a number or contain symbols`,
    'begin with a letter, and go on with letters, digits, -, _ and .',
  );
}

export function readArg(context: InstructionContext): ArgInstruction {
  flagsOf(context);
  const words = splitWords(context.rest, context.escape);
  if (words.length === 0) throw needsOne(context, 'ARG VERSION=1.0');
  const args = words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw invalid('ARG names can not be blank', 'write a name before the =');
    const name = equals === -1 ? word : word.slice(0, equals);
    return {
      name,
      value: equals === -1 ? undefined : word.slice(equals + 1),
      description: descriptionOf(context.base.comments, name),
    };
  });
  return { ...context.base, kind: 'arg', args };
}
