/** What a flag is: how its text becomes a value, and how the help shows it. */

export interface FlagSpec<T> {
  /** Type as the help shows it: `string`, `list`, `bytes`; '' for a switch. */
  type: string;
  /** One letter. */
  short?: string;
  help: string;
  /** Value where the flag isn't given. */
  initial: T;
  /** Shown as `(default …)`. */
  shownDefault?: string;
  /** Heading in the help; flags without one stand under "Options". */
  group?: string;
  /** Left out of the help. */
  hidden?: boolean;
  /** Value where the flag stands without `=…`: a switch's `true`. Other flags then take the next argument. */
  bare?: string;
  /** The next value, from the text and the value so far. EngineError `invalid-argument` says what is wrong with the text. */
  parse: (text: string, previous: T) => T;
}

/** By long name. A `FlagSpec<T>` is not covariant in T, so the set is open here and typed by {@link FlagValues}. */
// biome-ignore lint/suspicious/noExplicitAny: the only way to say "a flag of some type" for an invariant type
export type FlagSet = Readonly<Record<string, FlagSpec<any>>>;

export type FlagValues<F extends FlagSet> = {
  readonly [K in keyof F]: F[K] extends FlagSpec<infer T> ? T : never;
};
