/** Lists of `key=value` as `--mount`, `--network` and `--gpus` take them: one line of CSV (RFC 4180). */
import { EngineError } from '../../errors/engine-error.ts';

/** The fields of one line; quotes guard commas. EngineError `invalid-argument` for a quote that isn't closed. */
export function splitCsv(line: string): string[] {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = pattern.exec(line);
    if (match === null)
      throw new EngineError('invalid-argument', `parse error on line 1: bare " in non-quoted field: ${line}`);
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === '') return fields;
  }
}

/** `key`, its value, and whether there was a `=`; keys in lower case. */
export function splitPair(field: string): { key: string; value: string; hasValue: boolean } {
  const equals = field.indexOf('=');
  if (equals < 0) return { key: field.trim().toLowerCase(), value: '', hasValue: false };
  return {
    key: field.slice(0, equals).trim().toLowerCase(),
    value: field.slice(equals + 1).trim(),
    hasValue: true,
  };
}

/** `a=b` into `into`; without `=` the value is ''. */
export function addPair(into: Record<string, string>, pair: string): void {
  const equals = pair.indexOf('=');
  into[equals < 0 ? pair : pair.slice(0, equals)] = equals < 0 ? '' : pair.slice(equals + 1);
}

/** All pairs as a record. */
export function toRecord(pairs: readonly string[]): Record<string, string> {
  const record: Record<string, string> = {};
  for (const pair of pairs) addPair(record, pair);
  return record;
}
