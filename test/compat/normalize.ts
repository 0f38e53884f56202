/** Takes out of an answer what differs from run to run and from host to host: IDs, moments, addresses, folders. */

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const replacements: ReadonlyArray<readonly [RegExp, string]> = [
  [/\b[0-9a-f]{64}\b/g, '<id>'],
  [/(sleep +)\d+$/gm, '$1<pid>'],
  [/\b[0-9a-f]{12}\b/g, '<short id>'],
  [/\b(?!0001-01-01)\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, '<mac>'],
  [/\b(10|172)\.\d+\.\d+\.\d+\b/g, '<address>'],
  [/\b(Less than a second|About a minute|\d+ seconds?|\d+ minutes?) ago\b/gi, '<while> ago'],
  [/\b(32[7-9]|3[3-9]\d|[45]\d\d)\d\d\b/g, '<free port>'],
  [/\bUp (Less than a second|About a minute|\d+ seconds?|\d+ minutes?)\b/g, 'Up <while>'],
];

/** Where Docker looks for a free port of the host's: from 32768 on. */
function isFreePort(key: string, value: number): boolean {
  return key === 'PublicPort' && value >= 32768;
}

/** Numbers that are moments, process IDs or sizes: only whether they are zero, positive or negative counts. */
const vagueNumbers =
  /^(Pid|PID|Created|CreatedAt|time|timeNano|Size|SizeRw|SizeRootFs|VirtualSize|LayersSize|SharedSize)$/;

const unordered = /^(Mounts|Ports)$/;

function sortKey(item: Json): string {
  const fields = typeof item === 'object' && item !== null && !Array.isArray(item) ? item : {};
  return JSON.stringify([fields['Destination'], fields['PrivatePort'], fields['Type'], item]);
}

function vague(value: number): string {
  if (value === 0) return '<zero>';
  return value > 0 ? '<positive number>' : '<negative number>';
}

/**
 * The error of a daemon without what is added to say how to mend it, and with a small first letter: newer versions of Docker's write so. What comes after
 * it on lines of their own is the client's, and stays.
 */
function plainError(text: string): string {
  return text.replace(
    /^((?:docker: |gantry: )?Error response from daemon: )(.)(.*)$/gm,
    (_, start: string, first: string, rest: string) => `${start}${first.toLowerCase()}${withoutHint(rest)}`,
  );
}

function withoutHint(text: string): string {
  return text.replace(/\. [A-Z].*$/, '').replace(/\.$/, '');
}

export class Normalizer {
  readonly #roots: readonly string[];

  /** `roots`: the engine's own folders. */
  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  text(text: string): string {
    let result = text;
    for (const root of this.#roots) result = result.replaceAll(root, '<root>');
    for (const [pattern, word] of replacements) result = result.replace(pattern, word);
    return result;
  }

  /** `key`: the field that the value stands in. */
  value(value: unknown, key = ''): Json {
    if (typeof value === 'string' && key === 'stderr') return plainError(this.text(value));
    if (typeof value === 'string') return this.text(value);
    if (typeof value === 'number' && isFreePort(key, value)) return '<free port>';
    if (typeof value === 'number') return vagueNumbers.test(key) ? vague(value) : value;
    if (typeof value === 'boolean' || value === null || value === undefined) return value ?? null;
    if (Array.isArray(value)) return this.#list(value, key);
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    return Object.fromEntries(entries.map(([name, item]) => [this.text(name), this.value(item, name)]));
  }

  /** Docker shows some lists in an order that changes from call to call. */
  #list(list: readonly unknown[], key: string): Json[] {
    const items = list.map((item) => this.value(item));
    if (!unordered.test(key)) return items;
    return items.sort((one, other) => sortKey(one).localeCompare(sortKey(other)));
  }
}
