/** Values as Go prints them: the history of an image is written so, and compared by those who read it. */

/** `%q` of a string (Go, strconv.Quote). */
export function goQuoted(text: string): string {
  const escaped = text.replace(/[\\"\p{Cc}]/gu, (one) => {
    const known = short[one];
    if (known !== undefined) return known;
    const code = one.codePointAt(0) ?? 0;
    return code < 0x80
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}

const short: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '"': '\\"',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** `%q` of a list of strings. */
export function goQuotedList(items: readonly string[]): string {
  return `[${items.map(goQuoted).join(' ')}]`;
}

/** `%v` of a list of strings. */
export function goList(items: readonly string[]): string {
  return `[${items.join(' ')}]`;
}

const units: ReadonlyArray<[name: string, nanoseconds: number]> = [
  ['h', 3600e9],
  ['m', 60e9],
];

/** A duration of so many nanoseconds, as time.Duration prints itself: `1m30s`, `1.5s`, `500ms`, `0s`. */
export function goDuration(nanoseconds: number): string {
  if (nanoseconds === 0) return '0s';
  if (nanoseconds < 1e3) return `${nanoseconds}ns`;
  if (nanoseconds < 1e6) return `${nanoseconds / 1e3}µs`;
  if (nanoseconds < 1e9) return `${nanoseconds / 1e6}ms`;
  let rest = nanoseconds;
  let text = '';
  for (const [name, size] of units) {
    const count = Math.floor(rest / size);
    if (count > 0 || text !== '') text += `${count}${name}`;
    rest -= count * size;
  }
  return `${text}${Number((rest / 1e9).toFixed(9))}s`;
}
