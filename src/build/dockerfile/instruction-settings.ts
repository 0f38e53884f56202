/** The instructions that only set something in the image's configuration. */

import { quoted, trimSpace } from '../../util/characters.ts';
import type {
  EnvInstruction,
  ExposeInstruction,
  KeyValue,
  LabelInstruction,
  MaintainerInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from './ast.ts';
import {
  exactlyOne,
  flagsOf,
  type InstructionContext,
  invalid,
  nameOf,
  needsOne,
} from './instruction-context.ts';
import { parseJsonArray, splitAtBlanks, splitOnce, splitWords } from './split.ts';

export function readEnv(context: InstructionContext): EnvInstruction {
  const { pairs, legacy } = pairsOf(context);
  return { ...context.base, kind: 'env', variables: pairs, legacy };
}

export function readLabel(context: InstructionContext): LabelInstruction {
  const { pairs, legacy } = pairsOf(context);
  return { ...context.base, kind: 'label', labels: pairs, legacy };
}

/** `a=1 b=2`, or in the old form `a 1 and all the rest`: the first word without `=` tells. */
function pairsOf(context: InstructionContext): { pairs: KeyValue[]; legacy: boolean } {
  flagsOf(context);
  const name = nameOf(context);
  const words = splitWords(context.rest, context.escape);
  const [first] = words;
  if (first === undefined) throw needsOne(context, `${name} KEY=VALUE`);
  if (first.includes('=')) return { pairs: words.map((word) => pairOf(word, name)), legacy: false };
  const parts = splitOnce(context.rest);
  if (parts === undefined) throw invalid(`${name} must have two arguments`, `write ${name} ${first}=VALUE`);
  return { pairs: [{ key: parts[0], value: parts[1] }], legacy: true };
}

function pairOf(word: string, name: string): KeyValue {
  const equals = word.indexOf('=');
  if (equals === -1) {
    throw invalid(
      `Syntax error - can't find = in ${quoted(word)}. Must be of the form: name=value`,
      'put a value with blanks into quotes',
    );
  }
  if (equals === 0) throw invalid(`${name} names can not be blank`, 'write a name before the =');
  return { key: word.slice(0, equals), value: word.slice(equals + 1) };
}

export function readMaintainer(context: InstructionContext): MaintainerInstruction {
  const maintainer = exactlyOne(context, 'LABEL org.opencontainers.image.authors="me@example.com"');
  flagsOf(context);
  return { ...context.base, kind: 'maintainer', maintainer };
}

export function readExpose(context: InstructionContext): ExposeInstruction {
  const ports = splitAtBlanks(context.rest);
  if (ports.length === 0) throw needsOne(context, 'EXPOSE 8080/tcp');
  flagsOf(context);
  return { ...context.base, kind: 'expose', ports: ports.toSorted(byCodeUnits) };
}

function byCodeUnits(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

export function readVolume(context: InstructionContext): VolumeInstruction {
  const words = parseJsonArray(context.rest) ?? splitAtBlanks(context.rest);
  if (words.length === 0) throw needsOne(context, 'VOLUME /data');
  flagsOf(context);
  const paths = words.map(trimSpace);
  if (paths.includes('')) throw invalid('VOLUME specified can not be an empty string', 'write a path');
  return { ...context.base, kind: 'volume', paths };
}

export function readUser(context: InstructionContext): UserInstruction {
  const user = exactlyOne(context, 'USER nobody');
  flagsOf(context);
  return { ...context.base, kind: 'user', user };
}

export function readWorkdir(context: InstructionContext): WorkdirInstruction {
  const path = exactlyOne(context, 'WORKDIR /app');
  flagsOf(context);
  return { ...context.base, kind: 'workdir', path };
}

export function readStopsignal(context: InstructionContext): StopsignalInstruction {
  const signal = exactlyOne(context, 'STOPSIGNAL SIGTERM');
  flagsOf(context);
  return { ...context.base, kind: 'stopsignal', signal };
}
