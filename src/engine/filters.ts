/** Filters of lists and events, with Docker's rules of matching. */
import { EngineError } from '../errors/engine-error.ts';

/** By name; several values of one name mean "one of these", several names mean "all of these". */
export type Filters = ReadonlyMap<string, readonly string[]>;

export const noFilters: Filters = new Map();

/** EngineError `invalid-argument` "invalid filter 'X'" for a name that is not among `known`. */
export function validateFilters(filters: Filters, known: ReadonlySet<string>): void {
  for (const name of filters.keys()) {
    if (!known.has(name)) throw invalidFilter(name, `known filters are ${[...known].sort().join(', ')}`);
  }
}

/** "invalid filter 'X'", or "invalid filter 'X=Y'". */
export function invalidFilter(text: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', `invalid filter '${text}'`, hint === undefined ? {} : { hint });
}

/** The values of a filter; empty where it isn't given. */
export function filterValues(filters: Filters, name: string): readonly string[] {
  return filters.get(name) ?? [];
}

/** True where the filter isn't given, or one of its values is `value`. */
export function matchesExactly(filters: Filters, name: string, ...values: ReadonlyArray<string>): boolean {
  const wanted = filterValues(filters, name);
  return wanted.length === 0 || wanted.some((one) => values.includes(one));
}

/** Like `matchesExactly`; a beginning of a value counts too. */
export function matchesPrefix(filters: Filters, name: string, ...values: ReadonlyArray<string>): boolean {
  const wanted = filterValues(filters, name);
  return wanted.length === 0 || wanted.some((one) => values.some((value) => value.startsWith(one)));
}

/** Like `matchesExactly`; a regular expression that is found in a value counts too. */
export function patternFilter(filters: Filters, name: string): (...values: readonly string[]) => boolean {
  const wanted = filterValues(filters, name).map((text) => ({ text, pattern: patternOf(text) }));
  if (wanted.length === 0) return () => true;
  return (...values) =>
    wanted.some(({ text, pattern }) =>
      values.some((value) => value === text || pattern?.test(value) === true),
    );
}

/** undefined for what is no regular expression: then only the same text matches. */
function patternOf(text: string): RegExp | undefined {
  try {
    return new RegExp(text);
  } catch {
    return undefined;
  }
}

/** All of `KEY` and `KEY=VALUE` are there. */
export function matchesLabels(wanted: readonly string[], labels: Readonly<Record<string, string>>): boolean {
  return wanted.every((one) => {
    const { key, value } = splitPair(one);
    if (!Object.hasOwn(labels, key)) return false;
    return value === undefined || labels[key] === value;
  });
}

/** What `prune` does with `label` and `label!`. */
export function matchesLabelFilters(filters: Filters, labels: Readonly<Record<string, string>>): boolean {
  const unwanted = filterValues(filters, 'label!');
  if (unwanted.some((one) => matchesLabels([one], labels))) return false;
  return matchesLabels(filterValues(filters, 'label'), labels);
}

/** A filter that is yes or no, as `dangling=true`. EngineError `invalid-argument` "invalid filter 'dangling=x'". */
export function booleanFilter(filters: Filters, name: string, fallback: boolean): boolean {
  const values = filterValues(filters, name);
  if (values.length === 0) return fallback;
  const isTrue = values.every((value) => value === 'true' || value === '1');
  const isFalse = values.every((value) => value === 'false' || value === '0');
  if (!isTrue && !isFalse) throw invalidFilter(`${name}=${values.join(' ')}`, 'use true or false');
  return isTrue;
}

/** `KEY=VALUE` in two; `value` is undefined where there is no `=`. */
export function splitPair(text: string): { key: string; value?: string } {
  const mark = text.indexOf('=');
  return mark < 0 ? { key: text } : { key: text.slice(0, mark), value: text.slice(mark + 1) };
}
