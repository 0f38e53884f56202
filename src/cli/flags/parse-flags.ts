/** Parses the arguments of a command as docker does: long and short flags, clusters, `=`, and what is left. */
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { FlagSet, FlagSpec, FlagValues } from './flag.ts';
import { parseBoolean } from './kinds.ts';

export interface ParsedArguments<F extends FlagSet> {
  flags: FlagValues<F>;
  /** Long names of the flags that were given. */
  given: ReadonlySet<string>;
  positional: string[];
  /** `--help` or `-h` (where that is no flag of its own) was given. */
  help: boolean;
}

/**
 * Parses `args`. With `interspersed` false the first argument that is no flag ends the flags: what follows belongs to
 * the container's command. EngineError `invalid-argument` in the words of docker's command line.
 */
export function parseFlags<F extends FlagSet>(
  specs: F,
  args: readonly string[],
  interspersed: boolean,
): ParsedArguments<F> {
  const parser = new FlagParser(specs, args);
  const rest = parser.run(interspersed);
  // The parser fills one value per specification, each by the specification's own parse function.
  return { flags: parser.values as FlagValues<F>, given: parser.given, positional: rest, help: parser.help };
}

type AnySpec = FlagSpec<unknown>;

class FlagParser {
  readonly values: Record<string, unknown> = {};
  readonly given = new Set<string>();
  help = false;
  readonly #specs: ReadonlyMap<string, AnySpec>;
  readonly #byShort = new Map<string, string>();
  readonly #args: string[];

  constructor(specs: FlagSet, args: readonly string[]) {
    this.#specs = new Map(Object.entries(specs));
    this.#args = [...args];
    for (const [name, spec] of this.#specs) {
      this.values[name] = spec.initial;
      if (spec.short !== undefined) this.#byShort.set(spec.short, name);
    }
  }

  run(interspersed: boolean): string[] {
    const positional: string[] = [];
    while (!this.help) {
      const arg = this.#args.shift();
      if (arg === undefined) break;
      if (arg === '--') return [...positional, ...this.#args];
      if (arg.startsWith('--')) this.#parseLong(arg);
      else if (arg.startsWith('-') && arg !== '-') this.#parseCluster(arg);
      else {
        positional.push(arg);
        if (!interspersed) return [...positional, ...this.#args];
      }
    }
    // After --help what it is asked for: `--help ps`.
    return this.help ? [...positional, ...this.#args.filter((arg) => !arg.startsWith('-'))] : positional;
  }

  #parseLong(arg: string): void {
    const equals = arg.indexOf('=');
    const name = arg.slice(2, equals < 0 ? undefined : equals);
    if (name === '' || name.startsWith('-'))
      throw new EngineError('invalid-argument', `bad flag syntax: ${arg}`);
    const spec = this.#specs.get(name);
    if (spec === undefined) {
      if (name === 'help') this.help = equals < 0 || parseBoolean(arg.slice(equals + 1));
      else throw unknownFlag(name, [...this.#specs.keys()]);
      return;
    }
    const value = equals >= 0 ? arg.slice(equals + 1) : spec.bare;
    this.#set(name, spec, value ?? this.#nextValue(`flag needs an argument: --${name}`));
  }

  /** `-itd`, `-p8080:80`, `-p=8080:80`. */
  #parseCluster(arg: string): void {
    let letters = arg.slice(1);
    while (letters !== '') {
      const letter = letters.charAt(0);
      const rest = letters.slice(1);
      const name = this.#byShort.get(letter);
      const spec = name === undefined ? undefined : this.#specs.get(name);
      if (name === undefined || spec === undefined) {
        if (letter === 'h') {
          this.help = true;
          return;
        }
        throw new EngineError('invalid-argument', `unknown shorthand flag: '${letter}' in ${arg}`);
      }
      const joined = rest.startsWith('=') && rest.length > 1 ? rest.slice(1) : rest;
      const takesRest = joined !== rest || spec.bare === undefined;
      const value = takesRest
        ? joined || this.#nextValue(`flag needs an argument: '${letter}' in ${arg}`)
        : spec.bare;
      this.#set(name, spec, value ?? '');
      letters = takesRest ? '' : rest;
    }
  }

  #nextValue(message: string): string {
    const value = this.#args.shift();
    if (value === undefined) throw new EngineError('invalid-argument', message);
    return value;
  }

  #set(name: string, spec: AnySpec, text: string): void {
    try {
      this.values[name] = spec.parse(text, this.values[name]);
      this.given.add(name);
    } catch (error) {
      if (!isEngineError(error)) throw error;
      const shown = spec.short === undefined ? `--${name}` : `-${spec.short}, --${name}`;
      const message = `invalid argument ${JSON.stringify(text)} for "${shown}" flag: ${error.message}`;
      throw new EngineError(
        'invalid-argument',
        message,
        error.hint === undefined ? {} : { hint: error.hint },
      );
    }
  }
}

function unknownFlag(name: string, known: readonly string[]): EngineError {
  const near = nearest(name, known);
  const hint = near === undefined ? {} : { hint: `Did you mean --${near}?` };
  return new EngineError('invalid-argument', `unknown flag: --${name}`, hint);
}

/** The candidate that differs from `word` by the fewest letters, at most a third of them. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({
      candidate,
      distance: candidate.startsWith(word) ? 1 : editDistance(word, candidate),
    }))
    .sort((left, right) => left.distance - right.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= Math.max(1, Math.floor(word.length / 3))
    ? best.candidate
    : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one word into the other. */
function editDistance(left: string, right: string): number {
  const rows: number[][] = [Array.from({ length: right.length + 1 }, (_, index) => index)];
  for (let i = 1; i <= left.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= right.length; j += 1) {
      const change = left[i - 1] === right[j - 1] ? 0 : 1;
      const above = rows[i - 1] ?? [];
      let best = Math.min((above[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (above[j - 1] ?? 0) + change);
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1];
      if (swapped) best = Math.min(best, (rows[i - 2]?.[j - 2] ?? 0) + 1);
      row.push(best);
    }
    rows.push(row);
  }
  return rows[left.length]?.[right.length] ?? Number.POSITIVE_INFINITY;
}
