/** What a command is. */
import type { Context } from './context.ts';
import type { FlagSet } from './flags/flag.ts';
import { type ParsedArguments, parseFlags } from './flags/parse-flags.ts';

export interface CommandSpec<F extends FlagSet> {
  /** After the command's name: `[OPTIONS] IMAGE [COMMAND] [ARG...]`. */
  usage: string;
  /** A few sentences for the help, after the summary. */
  description?: string;
  examples?: ReadonlyArray<readonly [command: string, explanation: string]>;
  /** Fewest and most arguments. */
  arguments: readonly [fewest: number, most: number];
  flags: F;
  /** False: the first argument that is no flag ends the flags. */
  interspersed?: boolean;
  /** Gives the exit code. */
  run: (context: Context, input: ParsedArguments<F>) => Promise<number>;
}

/** A command without the type of its flags. */
export interface Command extends Omit<CommandSpec<FlagSet>, 'run' | 'interspersed'> {
  interspersed: boolean;
  /** Parses the arguments; what is wrong with the flags is thrown here. */
  prepare: (args: readonly string[]) => PreparedCommand;
}

export interface PreparedCommand {
  help: boolean;
  positional: readonly string[];
  run: (context: Context) => Promise<number>;
}

export const anyNumber = Number.POSITIVE_INFINITY;

export function defineCommand<F extends FlagSet>(spec: CommandSpec<F>): Command {
  const { run, interspersed = true, ...shown } = spec;
  return {
    ...shown,
    interspersed,
    prepare: (args) => {
      const input = parseFlags(spec.flags, args, interspersed);
      return { help: input.help, positional: input.positional, run: (context) => run(context, input) };
    },
  };
}
