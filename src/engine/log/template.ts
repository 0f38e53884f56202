/** Tags of messages: the part of Go's text templates that tags are written in. */
import { invalidOption } from './options.ts';

/** What a template sees: fields of the container by name. */
export type TagFields = Readonly<
  Record<string, string | readonly string[] | Readonly<Record<string, string>>>
>;
type Value = TagFields[string] | number;

interface Word {
  kind: 'field' | 'name' | 'text' | 'number' | 'pipe';
  text: string;
}

/** By name: what stands last is what comes through a pipe. */
const functions: Readonly<Record<string, (values: readonly Value[]) => Value>> = {
  lower: ([value]) => textOf(value).toLowerCase(),
  upper: ([value]) => textOf(value).toUpperCase(),
  title: ([value]) => textOf(value).replace(/(^|\s)\S/g, (letter) => letter.toUpperCase()),
  json: ([value]) => JSON.stringify(value),
  print: (values) => values.map(textOf).join(''),
  truncate: ([value, length]) => textOf(value).slice(0, Number(length)),
  join: ([value, separator]) => (Array.isArray(value) ? value.join(textOf(separator)) : textOf(value)),
  split: ([value, separator]) => textOf(value).split(textOf(separator)),
  slice: ([value, from, to]) =>
    textOf(value).slice(Number(from ?? 0), to === undefined ? undefined : Number(to)),
  index: ([value, key]) => elementOf(value, key),
};

/** `{{…}}` with the blanks around it, which a minus sign within takes away. */
const actions = /(\s*)\{\{(-\s)?((?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^}"`])*?)(\s-)?\}\}(\s*)/g;

/**
 * The text of `source` with its actions (`{{.Name}}`, `{{upper .ID}}`, `{{.Name | lower}}`, `{{index .ContainerLabels "a"}}`) carried out.
 * EngineError `invalid-argument` for unknown fields and functions and for other actions.
 */
export function expandTag(source: string, fields: TagFields): string {
  if (source.replace(actions, '').includes('{{')) throw badTag('unclosed action');
  return source.replace(
    actions,
    (
      _all,
      before: string,
      trimBefore: string | undefined,
      action: string,
      trimAfter: string | undefined,
      after: string,
    ) =>
      `${trimBefore === undefined ? before : ''}${textOf(evaluate(action, fields))}${trimAfter === undefined ? after : ''}`,
  );
}

function evaluate(action: string, fields: TagFields): Value {
  let piped: Value | undefined;
  const commands = splitAt(wordsOf(action.trim()), (word) => word.kind === 'pipe');
  for (const [head, ...rest] of commands) {
    if (head === undefined) throw badTag('missing value for command');
    const values = rest.map((word) => operandOf(word, fields));
    if (head.kind !== 'name') {
      if (values.length > 0 || piped !== undefined)
        throw badTag(`can't give argument to non-function ${head.text}`);
      piped = operandOf(head, fields);
      continue;
    }
    const call = Object.hasOwn(functions, head.text) ? functions[head.text] : undefined;
    if (call === undefined) throw badTag(`function "${head.text}" not defined`);
    piped = call(argumentsOf(head.text, values, piped));
  }
  if (piped === undefined) throw badTag('missing value for command');
  return piped;
}

/** Docker's `truncate`, `join` and `split` take the text first, also through a pipe that Go would put last. */
function argumentsOf(name: string, values: readonly Value[], piped: Value | undefined): readonly Value[] {
  if (piped === undefined) return values;
  return ['truncate', 'join', 'split', 'slice'].includes(name) ? [piped, ...values] : [...values, piped];
}

function wordsOf(action: string): Word[] {
  const words: Word[] = [];
  const pattern = /\s*(?:(\.[A-Za-z_]\w*)|([A-Za-z_]\w*)|("(?:[^"\\]|\\.)*"|`[^`]*`)|(-?\d+)|(\|))/y;
  while (pattern.lastIndex < action.length) {
    const from = pattern.lastIndex;
    const match = pattern.exec(action);
    if (match === null) throw badTag(`unexpected "${action.slice(from)}" in command`);
    const [, field, name, text, number] = match;
    if (field !== undefined) words.push({ kind: 'field', text: field });
    else if (name !== undefined) words.push({ kind: 'name', text: name });
    else if (text !== undefined) words.push({ kind: 'text', text: unquote(text) });
    else if (number !== undefined) words.push({ kind: 'number', text: number });
    else words.push({ kind: 'pipe', text: '|' });
  }
  return words;
}

function unquote(text: string): string {
  if (text.startsWith('`')) return text.slice(1, -1);
  try {
    return String(JSON.parse(text));
  } catch {
    throw badTag(`malformed text ${text}`);
  }
}

function splitAt(words: readonly Word[], isMark: (word: Word) => boolean): Word[][] {
  const parts: Word[][] = [[]];
  for (const word of words) {
    if (isMark(word)) parts.push([]);
    else parts.at(-1)?.push(word);
  }
  return parts;
}

function operandOf({ kind, text }: Word, fields: TagFields): Value {
  if (kind === 'text') return text;
  if (kind === 'number') return Number(text);
  const name = text.slice(1);
  const value = kind === 'field' && Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (value !== undefined) return value;
  throw badTag(`can't evaluate field ${kind === 'field' ? name : text} in type logger.Info`);
}

function elementOf(value: Value | undefined, key: Value | undefined): Value {
  if (Array.isArray(value)) return value[Number(key)] ?? '';
  if (typeof value !== 'object' || value === null) throw badTag('cannot index a text');
  const found = Object.entries(value).find(([name]) => name === key);
  return found === undefined ? '' : String(found[1]);
}

/** As Go prints it: lists in brackets, maps with their keys in order. */
function textOf(value: Value | undefined): string {
  if (value === undefined) return '';
  if (typeof value !== 'object') return String(value);
  if (Array.isArray(value)) return `[${value.join(' ')}]`;
  const pairs = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `map[${pairs.map(([key, text]) => `${key}:${text}`).join(' ')}]`;
}

function badTag(reason: string): Error {
  return invalidOption(`template: log-tag: ${reason}`, 'write a tag such as {{.Name}}/{{.ID}}');
}
