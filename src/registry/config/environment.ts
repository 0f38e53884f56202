/** `REGISTRY_…` variables over a configuration file, by distribution's rules. */
import { parse } from 'yaml';
import { EngineError } from '../../errors/engine-error.ts';
import { type Field, isRecord, type Path } from './fields.ts';

/**
 * Changes `tree` (a parsed file) as the variables say: `REGISTRY_A_B=value` sets `a.b`, numbers are indices of lists, values are YAML, and
 * shorter names come before longer ones. A key that holds an underscore is found where the file has it. Variables that mean nothing are
 * named in what is returned. Throws `invalid-argument` for an index beyond the end of a list.
 */
export function applyEnvironment(
  tree: Record<string, unknown>,
  root: Field<unknown>,
  environment: Readonly<Record<string, string | undefined>>,
): string[] {
  const ignored: string[] = [];
  const names = Object.keys(environment)
    .filter((name) => name.startsWith('REGISTRY_'))
    .sort();
  for (const name of names) {
    const words = name.slice('REGISTRY_'.length).split('_');
    const setting: Setting = { name, value: environment[name] ?? '', path: [] };
    if (!setBelow(tree, root, words, setting)) ignored.push(name);
  }
  return ignored;
}

interface Setting {
  name: string;
  value: string;
  path: Path;
}

type Container = Record<string, unknown> | unknown[];

/** Sets what `words` name below `container`. False where there is no such thing. */
function setBelow(
  container: Container,
  field: Field<unknown>,
  words: readonly string[],
  setting: Setting,
): boolean {
  const found = Array.isArray(container)
    ? findIndex(container, words, setting)
    : findKey(container, field, words);
  if (found === undefined) return false;
  const { key, rest } = found;
  const child = field.child?.(String(key));
  if (child === undefined) return false;
  if (rest.length === 0) {
    Reflect.set(container, key, readValue(setting.value, child));
    return true;
  }
  if (child.kind === 'scalar' || child.kind === 'text') return false;
  const below = containerAt(Reflect.get(container, key), child);
  const done = setBelow(below, child, rest, setting);
  if (done) Reflect.set(container, key, below);
  return done;
}

/** What stands there already, where anything can stand below it; else something new and empty. */
function containerAt(present: unknown, field: Field<unknown>): Container {
  if (field.kind === 'list') return Array.isArray(present) ? present : [];
  if (isRecord(present)) return present;
  if (field.shorthand === true && typeof present === 'string') return { [present]: {} };
  return Array.isArray(present) ? present : {};
}

function findIndex(
  container: readonly unknown[],
  words: readonly string[],
  setting: Setting,
): { key: number; rest: readonly string[] } | undefined {
  const [word = '', ...rest] = words;
  if (!/^\d+$/.test(word) || Number(word) > container.length) {
    throw new EngineError(
      'invalid-argument',
      `parsing environment variable ${setting.name}: ${/^\d+$/.test(word) ? 'undefined' : 'non-numeric'} index: ${word}`,
      { hint: `Count from 0 without gaps: the list has ${container.length} entries.` },
    );
  }
  return { key: Number(word), rest };
}

/**
 * The key that the words begin with: one of the known ones, one that is there already (which may hold underscores: the longest counts), or,
 * where keys are free, a new one in lower case.
 */
function findKey(
  container: Record<string, unknown>,
  field: Field<unknown>,
  words: readonly string[],
): { key: string; rest: readonly string[] } | undefined {
  const candidates = [...Object.keys(container), ...(field.keys ?? [])];
  for (let length = words.length; length > 0; length--) {
    const wanted = words.slice(0, length).join('_').toUpperCase();
    const key = candidates.find((candidate) => candidate.toUpperCase() === wanted);
    if (key !== undefined) return { key, rest: words.slice(length) };
  }
  const [word = '', ...rest] = words;
  return field.kind === 'map' && word !== '' ? { key: word.toLowerCase(), rest } : undefined;
}

/** YAML, as in the file; for text whatever is no YAML text is taken as it is. */
function readValue(value: string, field: Field<unknown>): unknown {
  const parsed = parseYaml(value);
  if (field.kind !== 'text') return parsed.ok ? parsed.value : value;
  return parsed.ok && typeof parsed.value === 'string' ? parsed.value : value;
}

function parseYaml(value: string): { ok: true; value: unknown } | { ok: false } {
  try {
    return { ok: true, value: parse(value, { logLevel: 'silent' }) };
  } catch {
    return { ok: false };
  }
}
