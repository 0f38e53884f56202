/** `--filter name=value` flags. */
import { encodeFilters } from '../client/query.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { FlagSpec } from './flags/flag.ts';

export type FilterMap = ReadonlyMap<string, readonly string[]>;

/** Names in lower case; any number of values each. */
export function filterFlag(help: string, short?: string): FlagSpec<FilterMap> {
  return {
    type: 'filter',
    help,
    initial: new Map(),
    ...(short === undefined ? {} : { short }),
    parse: addFilter,
  };
}

function addFilter(text: string, previous: FilterMap): FilterMap {
  if (text === '') return previous;
  const equals = text.indexOf('=');
  if (equals < 0) {
    throw new EngineError('invalid-argument', 'bad format of filter (expected name=value)');
  }
  return withFilter(previous, text.slice(0, equals).trim().toLowerCase(), text.slice(equals + 1).trim());
}

/** One more value of a filter. */
export function withFilter(filters: FilterMap, name: string, value: string): FilterMap {
  return new Map([...filters, [name, [...(filters.get(name) ?? []), value]]]);
}

/** The query's `filters` field; nothing where there is no filter. */
export function filtersQuery(filters: FilterMap): { filters?: string } {
  const encoded = encodeFilters(filters);
  return encoded === undefined ? {} : { filters: encoded };
}
