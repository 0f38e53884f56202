/** Reads the flags of an instruction: which it knows, of what kind, given once or often. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Flag } from './ast.ts';
import { didYouMean, suggestion } from './suggest.ts';

export type FlagKind = 'boolean' | 'string' | 'strings';

/** The flags of one instruction, checked against what it knows. */
export class FlagValues {
  private readonly values = new Map<string, string[]>();

  /** EngineError `invalid-argument` for a flag that is unknown, given twice, without a value, or not a boolean. */
  constructor(flags: readonly Flag[], known: Readonly<Record<string, FlagKind>>) {
    for (const flag of flags)
      this.add(flag, Object.hasOwn(known, flag.name) ? known[flag.name] : undefined, known);
  }

  private add(
    { name, value }: Flag,
    kind: FlagKind | undefined,
    known: Readonly<Record<string, FlagKind>>,
  ): void {
    if (kind === undefined) {
      const near = didYouMean(suggestion(name, Object.keys(known)));
      throw invalid(`unknown flag: --${name}${near}`, knownHint(Object.keys(known)));
    }
    const earlier = this.values.get(name) ?? [];
    if (earlier.length > 0 && kind !== 'strings')
      throw invalid(`duplicate flag specified: --${name}`, 'give it once');
    this.values.set(name, [...earlier, checked(name, value, kind)]);
  }

  string(name: string): string | undefined {
    return this.values.get(name)?.[0];
  }

  strings(name: string): readonly string[] {
    return this.values.get(name) ?? [];
  }

  boolean(name: string): boolean | undefined {
    const value = this.string(name);
    return value === undefined ? undefined : value === 'true';
  }
}

function checked(name: string, value: string | undefined, kind: FlagKind): string {
  if (kind !== 'boolean') {
    if (value === undefined) throw invalid(`missing a value on flag: --${name}`, `write --${name}=VALUE`);
    return value;
  }
  if (value === '') throw invalid(`missing a value on flag: --${name}`, 'write true or false after the =');
  const lower = value?.toLowerCase() ?? 'true';
  if (lower === 'true' || lower === 'false') return lower;
  throw invalid(`expecting boolean value for flag --${name}, not: ${value}`, 'write true or false');
}

function knownHint(names: readonly string[]): string {
  if (names.length === 0) return 'this instruction takes no flags';
  return `use one of ${names.map((name) => `--${name}`).join(', ')}`;
}

function invalid(message: string, hint: string): EngineError {
  return new EngineError('invalid-argument', message, { hint });
}
