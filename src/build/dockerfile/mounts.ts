/** `RUN --mount=type=…`: its options, and which go together. */
import { EngineError } from '../../errors/engine-error.ts';
import { quoted } from '../../util/characters.ts';
import type { RunMount } from './ast.ts';
import { parseCsvLine } from './csv.ts';
import { parseMemory } from './memory-size.ts';
import { didYouMean, suggestion } from './suggest.ts';

const types = ['bind', 'cache', 'tmpfs', 'secret', 'ssh'] as const;
const sharings = ['shared', 'private', 'locked'] as const;
const keys = [
  'type',
  'from',
  'source',
  'target',
  'readonly',
  'id',
  'sharing',
  'required',
  'size',
  'mode',
  'uid',
  'gid',
  'src',
  'dst',
  'destination',
  'ro',
  'rw',
  'readwrite',
  'env',
];

/** The `from` of a mount, '' without one: known before any variable is, since none is allowed in it. EngineError. */
export function mountSource(text: string): string {
  let from = '';
  for (const { key, value } of fieldsOf(text)) {
    if (key !== 'from' || value === undefined) continue;
    const dollar = value.indexOf('$');
    if (dollar !== -1 && dollar !== value.length - 1) {
      throw invalid(
        "'from' doesn't support variable expansion, define alias stage instead",
        'write FROM $NAME AS ALIAS above, and from=ALIAS here',
      );
    }
    from = value;
  }
  return from;
}

/** Checks what can be checked before the variables are known. */
export function checkMountSource(text: string): void {
  mountSource(text);
  if (!text.includes('$')) parseMount(text, (value) => value);
}

interface Field {
  text: string;
  key: string;
  value: string | undefined;
}

function fieldsOf(text: string): Field[] {
  return parseCsvLine(text).map((field) => {
    const equals = field.indexOf('=');
    if (equals === -1) return { text: field, key: field.toLowerCase(), value: undefined };
    return { text: field, key: field.slice(0, equals).toLowerCase(), value: field.slice(equals + 1) };
  });
}

interface Draft {
  mount: RunMount;
  sharing: RunMount['sharing'] | undefined;
  readOnly: boolean | undefined;
}

/** The mount, each value's variables replaced by `expandValue`. EngineError `invalid-argument`. */
export function parseMount(text: string, expandValue: (value: string) => string): RunMount {
  const draft: Draft = { mount: emptyMount(), sharing: undefined, readOnly: undefined };
  for (const field of fieldsOf(text)) {
    if (field.value === undefined) readBare(draft, field);
    else readField(draft, field, expandValue(field.value));
  }
  checkTogether(draft);
  const { mount } = draft;
  const isWritable = mount.type === 'cache' || mount.type === 'tmpfs';
  return { ...mount, readOnly: draft.readOnly ?? !isWritable, sharing: draft.sharing ?? 'shared' };
}

function emptyMount(): RunMount {
  return {
    type: 'bind',
    from: '',
    source: '',
    target: '',
    readOnly: false,
    id: '',
    sharing: 'shared',
    required: false,
    mode: undefined,
    uid: undefined,
    gid: undefined,
    size: undefined,
    env: undefined,
  };
}

/** A key without a value. */
function readBare(draft: Draft, { text, key }: Field): void {
  if (key === 'readonly' || key === 'ro') draft.readOnly = true;
  else if (key === 'readwrite' || key === 'rw') draft.readOnly = false;
  else if (key === 'required') setRequired(draft.mount, true);
  else throw invalid(`invalid field '${text}' must be a key=value pair`, 'write KEY=VALUE');
}

function readField(draft: Draft, { text, key }: Field, value: string): void {
  const { mount } = draft;
  switch (key) {
    case 'type':
      mount.type = oneOf(types, value, 'mount type');
      return;
    case 'sharing':
      draft.sharing = oneOf(sharings, value, 'sharing value');
      return;
    case 'from':
      mount.from = value;
      return;
    case 'source':
    case 'src':
      mount.source = value;
      return;
    case 'target':
    case 'dst':
    case 'destination':
      mount.target = value;
      return;
    case 'id':
      mount.id = value;
      return;
    case 'env':
      mount.env = value;
      return;
    case 'readonly':
    case 'ro':
      draft.readOnly = parseBoolean(key, value);
      return;
    case 'readwrite':
    case 'rw':
      draft.readOnly = !parseBoolean(key, value);
      return;
    case 'required':
      setRequired(mount, parseBoolean(key, value));
      return;
    case 'size':
      if (mount.type !== 'tmpfs') throw unexpectedFor(key, mount);
      mount.size = sizeOf(value);
      return;
    case 'mode':
      mount.mode = numberOf(key, value, 8);
      return;
    case 'uid':
    case 'gid':
      mount[key] = numberOf(key, value, 10);
      return;
    default:
      throw invalid(
        `unexpected key '${key}' in '${text}'${didYouMean(suggestion(key, keys))}`,
        `use one of ${keys.join(', ')}`,
      );
  }
}

function setRequired(mount: RunMount, required: boolean): void {
  if (mount.type !== 'secret' && mount.type !== 'ssh') throw unexpectedFor('required', mount);
  mount.required = required;
}

function oneOf<T extends string>(allowed: readonly T[], value: string, what: string): T {
  const found = allowed.find((one) => one === value.toLowerCase());
  if (found !== undefined) return found;
  throw invalid(
    `unsupported ${what} ${quoted(value)}${didYouMean(suggestion(value, allowed))}`,
    `use one of ${allowed.join(', ')}`,
  );
}

/** As Go reads a boolean. */
export function parseBoolean(key: string, value: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(value)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(value)) return false;
  throw invalid(`invalid value for ${key}: ${value}`, 'write true or false');
}

function numberOf(key: string, value: string, base: 8 | 10): number {
  const number = (base === 8 ? /^[0-7]+$/ : /^[0-9]+$/).test(value) ? Number.parseInt(value, base) : Infinity;
  if (number < 2 ** 32) return number;
  throw invalid(
    `invalid value ${value} for ${key}`,
    base === 8 ? 'write an octal number, for example 0644' : 'write a number',
  );
}

/** Bytes; 0 is no limit. */
function sizeOf(value: string): number | undefined {
  const size = parseMemory(value);
  if (size === undefined) throw invalid(`invalid value for size: ${value}`, 'write a size, for example 64m');
  return size === 0 ? undefined : size;
}

function checkTogether({ mount, sharing }: Draft): void {
  for (const key of ['mode', 'uid', 'gid'] as const) {
    if (mount[key] !== undefined && (mount.type === 'bind' || mount.type === 'tmpfs'))
      throw invalid(`${key} not allowed for ${quoted(mount.type)} type mounts`, `remove ${key}`);
  }
  if (mount.type === 'secret') checkSecret(mount, sharing !== undefined);
  if (sharing !== undefined && mount.type !== 'cache')
    throw invalid(
      `invalid cache sharing set for ${mount.type} mount`,
      'remove sharing, or make it type=cache',
    );
}

function checkSecret(mount: RunMount, hasSharing: boolean): void {
  if (mount.from !== '') throw invalid('secret mount should not have a from', 'remove from');
  if (hasSharing) throw invalid('secret mount should not define sharing', 'remove sharing');
  if (mount.source === '' && mount.target === '' && mount.id === '')
    throw invalid('invalid secret mount. one of source, target required', 'name the secret: id=NAME');
  if (mount.source !== '' && mount.id !== '')
    throw invalid("both source and id can't be set", 'remove one of them: they mean the same');
}

function unexpectedFor(key: string, mount: RunMount): EngineError {
  return invalid(
    `unexpected key '${key}' for mount type '${mount.type}'`,
    'write type= before the other options',
  );
}

function invalid(message: string, hint: string): EngineError {
  return new EngineError('invalid-argument', message, { hint });
}
