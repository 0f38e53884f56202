/**
 * The variables of one stage while its instructions are gone through in order: each is expanded with what came before it,
 * and ENV and ARG add to it. The last one to set a name wins, as in BuildKit.
 */
import type { ArgDeclaration, RunInstruction, RunMount, StageInstruction } from './ast.ts';
import { locating } from './errors.ts';
import { type Expander, expandInstruction } from './expand-instruction.ts';
import type { GlobalScope } from './global-scope.ts';
import { parseMount } from './mounts.ts';
import { isOutsideEnvironment } from './predefined-args.ts';
import { validateInstruction } from './validate-instruction.ts';
import { expand, type WordOptions } from './words.ts';

/** What a stage without a PATH gets (docker, oci/defaults). */
export const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** A variable that an instruction asked for and nobody had set. */
export interface UnsetVariable {
  name: string;
  instruction: StageInstruction;
  /** The names that were set. */
  known: readonly string[];
}

/** An ARG that the stage has met; `value` is undefined where it has none. */
export type ArgValue = Pick<ArgDeclaration, 'name' | 'value'>;

export class StageScope {
  readonly unset: UnsetVariable[] = [];
  private readonly globals: GlobalScope;
  private readonly variables: Map<string, string>;
  private readonly declaredArgs: ArgValue[];

  private constructor(globals: GlobalScope, variables: Map<string, string>, args: readonly ArgValue[]) {
    this.globals = globals;
    this.variables = variables;
    this.declaredArgs = [...args];
  }

  /** A stage on an image, whose `Env` begins it. */
  static onImage(globals: GlobalScope, environment: readonly string[]): StageScope {
    const variables = new Map(environment.map(splitVariable));
    if (!variables.has('PATH')) variables.set('PATH', defaultPath);
    return new StageScope(globals, variables, []);
  }

  /** A stage on another one, where that one has ended: its variables and arguments go on. */
  child(): StageScope {
    return new StageScope(this.globals, new Map(this.variables), this.declaredArgs);
  }

  /** What RUN's process gets, in the order of setting: the image's, ENV and ARG. */
  get environment(): ReadonlyMap<string, string> {
    return this.variables;
  }

  /** The arguments met so far, each once: `docker history` names them before a RUN. */
  get args(): ArgValue[] {
    const byName = new Map(this.declaredArgs.map((arg) => [arg.name, arg.value]));
    return [...byName].map(([name, value]) => ({ name, value: this.variables.get(name) ?? value }));
  }

  /**
   * The instruction with its variables replaced, the scope then being the one after it. An ARG comes back with the values
   * in force: given from outside, its default, or the global one. DockerfileError at the instruction.
   */
  evaluate<T extends StageInstruction>(instruction: T): T;
  evaluate(instruction: StageInstruction): StageInstruction {
    return this.locating(instruction, () => {
      if (instruction.kind === 'arg')
        return { ...instruction, args: instruction.args.map((arg) => this.takeArg(arg, instruction)) };
      const expanded = expandInstruction(instruction, this.expander(instruction));
      validateInstruction(expanded);
      if (expanded.kind === 'env')
        for (const { key, value } of expanded.variables) this.variables.set(key, value);
      return expanded;
    });
  }

  /** The mounts of a RUN, in order. DockerfileError at the instruction. */
  mountsOf(instruction: RunInstruction): RunMount[] {
    const { word } = this.expander(instruction);
    return this.locating(instruction, () => instruction.mounts.map((mount) => parseMount(mount, word)));
  }

  private takeArg(arg: ArgDeclaration, instruction: StageInstruction): ArgDeclaration {
    const { name } = arg;
    const given = this.globals.buildArgs.get(name);
    const value =
      given ??
      (arg.value === undefined ? this.globals.values.get(name) : this.expander(instruction).word(arg.value));
    if (value !== undefined && !isOutsideEnvironment(name)) this.variables.set(name, value);
    this.declaredArgs.push({ name, value });
    return { ...arg, value };
  }

  private expander(instruction: StageInstruction): Expander {
    const lookup = (name: string): string | undefined => this.variables.get(name);
    const noting = (text: string, options: WordOptions): string => {
      const result = expand(text, lookup, options);
      this.noteUnset(instruction, result.unmatched);
      return result.text;
    };
    const options = { escape: this.globals.escape };
    return {
      word: (text) => noting(text, options),
      // Of EXPOSE, as in Docker, nothing is noted.
      words: (text) => expand(text, lookup, options).words,
      // Here-documents have the backslash whatever the directive says.
      document: (text) => noting(text, { ignoreQuotes: true }),
    };
  }

  private noteUnset(instruction: StageInstruction, names: ReadonlySet<string>): void {
    for (const name of names) {
      const isArg = this.declaredArgs.some((arg) => arg.name === name);
      const isKnown = this.unset.some((one) => one.name === name && one.instruction === instruction);
      if (isArg || isKnown || isOutsideEnvironment(name)) continue;
      this.unset.push({ name, instruction, known: [...this.variables.keys()] });
    }
  }

  private locating<T>(instruction: StageInstruction, work: () => T): T {
    const { range, keyword } = instruction;
    return locating({ source: this.globals.source, range, instruction: keyword.toUpperCase() }, work);
  }
}

function splitVariable(text: string): [name: string, value: string] {
  const equals = text.indexOf('=');
  return equals === -1 ? [text, ''] : [text.slice(0, equals), text.slice(equals + 1)];
}
