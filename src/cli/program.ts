/** The program: global options, the command's name, its flags, its run, and what is said when it fails. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { CatalogueEntry } from './catalogue.ts';
import type { Command, PreparedCommand } from './command.ts';
import type { CommandEntry } from './command-entry.ts';
import { commands, findCommand, groups } from './command-table.ts';
import type { Context } from './context.ts';
import { chooseDaemon, clientOf } from './daemon-choice.ts';
import { describeFailure } from './describe-failure.ts';
import { describeError, exitCodeOf, usageExitCode } from './exit-code.ts';
import { parseFlags } from './flags/parse-flags.ts';
import { configFolder, type GlobalFlags, globalFlags } from './global-flags.ts';
import type { Io } from './io.ts';
import { UserConfig } from './user-config.ts';
import { versionLine } from './version-line.ts';

const logLevels = new Set(['trace', 'debug', 'info', 'warn', 'warning', 'error', 'fatal', 'panic']);

/** Runs `gantry ARGS` and gives its exit code; it never throws. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  const globals = parseGlobals(args, io);
  if (typeof globals === 'number') return globals;
  const { flags, positional, help } = globals;
  if (flags.version) return say(io, versionLine);
  if (!logLevels.has(flags['log-level'].toLowerCase())) {
    io.stderr.write(`Unable to parse logging level: ${flags['log-level']}\n`);
    return 1;
  }
  const found = resolveCommand(positional);
  if (found.entry === undefined) return showGroup(found, positional, help, io);
  let context: Context | undefined;
  try {
    const command = await found.entry.load();
    const prepared = prepare(command, found, found.rest, io);
    if (typeof prepared === 'number') return prepared;
    if (help || prepared.help) return await showHelp(found.name, found.entry, command, io);
    context = await contextOf(flags, `gantry ${found.name}`, io);
    return await prepared.run(context);
  } catch (error) {
    return await fail(error, io, flags.debug, context);
  }
}

async function contextOf(flags: GlobalFlags, commandName: string, io: Io): Promise<Context> {
  const folder = configFolder(flags, io.env);
  const userConfig = UserConfig.read(folder);
  const daemon = chooseDaemon(flags, io.env, userConfig);
  const client = await clientOf(daemon, folder, io.env, userConfig);
  return {
    io,
    commandName,
    get client() {
      return client();
    },
    daemon,
    debug: flags.debug,
    configFolder: folder,
    userConfig,
    catalogue: () => ({ groups, entries: commands.map(catalogueEntry) }),
  };
}

function catalogueEntry({ names, summary, hidden = false, load }: CommandEntry): CatalogueEntry {
  return { names, summary, hidden, command: load };
}

function parseGlobals(args: readonly string[], io: Io) {
  try {
    return parseFlags(globalFlags, args, false);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const usage = "\nUsage:  gantry [OPTIONS] COMMAND [ARG...]\n\nRun 'gantry --help' for more information\n";
    io.stderr.write(describeError(error, false) + usage);
    return usageExitCode;
  }
}

interface Resolved {
  /** Without `gantry`. */
  name: string;
  entry: CommandEntry | undefined;
  group: string | undefined;
  rest: readonly string[];
}

function resolveCommand(positional: readonly string[]): Resolved {
  const [first = '', second = ''] = positional;
  const group = groups.find(({ name }) => name === first)?.name;
  const isPair = group !== undefined || isCommandOfTwo(first, second, positional[2]);
  const spoken = isPair ? `${first} ${second}` : first;
  const entry = findCommand(spoken);
  // In the help a second name within a group gives way to the first: `container list` is `container ls`.
  const main = entry?.names.find((name) => name.includes(' ') === spoken.includes(' ')) ?? spoken;
  return { name: main, entry, group, rest: positional.slice(isPair ? 2 : 1) };
}

/** `buildx build` and `build shell ID`, whose first words are no groups. `build shell` alone builds what is in a directory of that name. */
function isCommandOfTwo(first: string, second: string, third: string | undefined): boolean {
  if (findCommand(`${first} ${second}`) === undefined) return false;
  return first !== 'build' || third === '--help' || (third !== undefined && !third.startsWith('-'));
}

function prepare(
  command: Command,
  found: Resolved,
  args: readonly string[],
  io: Io,
): PreparedCommand | number {
  const usage = `Usage:  gantry ${found.name} ${command.usage}`.trimEnd();
  let prepared: PreparedCommand;
  try {
    prepared = command.prepare(args);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    io.stderr.write(
      `${describeError(error, false)}\n${usage}\n\nRun 'gantry ${found.name} --help' for more information\n`,
    );
    return usageExitCode;
  }
  const [fewest, most] = command.arguments;
  const count = prepared.positional.length;
  if (prepared.help || (count >= fewest && count <= most)) return prepared;
  const wanted = describeArity(fewest, most);
  const see = most === Number.POSITIVE_INFINITY ? 'See' : 'Run';
  const more = `\n${usage}\n\n${see} 'gantry ${found.name} --help' for more information\n`;
  io.stderr.write(`gantry: 'gantry ${found.name}' ${wanted}\n${more}`);
  return 1;
}

function describeArity(fewest: number, most: number): string {
  const plural = (count: number) => `${count} argument${count === 1 ? '' : 's'}`;
  if (most === 0) return 'accepts no arguments';
  if (fewest === most) return `requires ${plural(fewest)}`;
  if (most === Number.POSITIVE_INFINITY) return `requires at least ${plural(fewest)}`;
  return fewest === 0
    ? `requires at most ${plural(most)}`
    : `requires at least ${fewest} and at most ${plural(most)}`;
}

async function showHelp(name: string, entry: CommandEntry, command: Command, io: Io): Promise<number> {
  const [{ commandHelp }, { styleFor }] = await Promise.all([
    import('./help/command-help.ts'),
    import('./help/style.ts'),
  ]);
  return say(io, commandHelp(name, entry, command, styleFor(io.stdout, io.env), helpWidth(io)));
}

/** Help of `gantry` or of a group, or that there is no such command. */
async function showGroup(
  found: Resolved,
  positional: readonly string[],
  help: boolean,
  io: Io,
): Promise<number> {
  const asked = found.group === undefined ? positional : positional.slice(1);
  const word = asked[0];
  const wantsHelp = help || word === undefined || word === '--help' || word === '-h' || word === 'help';
  if (!wantsHelp) return unknownCommand(found, word, io);
  const [{ groupHelp, rootHelp }, { styleFor }] = await Promise.all([
    import('./help/group-help.ts'),
    import('./help/style.ts'),
  ]);
  const topic = asked[1];
  if (word === 'help' && topic !== undefined) return runProgram([...asked.slice(1), '--help'], io);
  const style = styleFor(io.stdout, io.env);
  return say(
    io,
    found.group === undefined
      ? rootHelp(style, helpWidth(io), (io.env['DOCKER_HIDE_LEGACY_COMMANDS'] ?? '') !== '')
      : groupHelp(found.group, style, helpWidth(io)),
  );
}

async function unknownCommand(found: Resolved, word: string, io: Io): Promise<number> {
  const { nearest } = await import('./flags/parse-flags.ts');
  const scope = found.group === undefined ? 'gantry' : `gantry ${found.group}`;
  const names = commands.flatMap((entry) => entry.names);
  const candidates =
    found.group === undefined
      ? [...names.filter((name) => !name.includes(' ')), ...groups.map(({ name }) => name)]
      : names
          .filter((name) => name.startsWith(`${found.group} `))
          .map((name) => name.slice(name.indexOf(' ') + 1));
  const near = nearest(word, candidates);
  const guess = near === undefined ? '' : `\nDid you mean '${scope} ${near}'?\n`;
  const flag = word.startsWith('-');
  const problem = flag ? `unknown flag: ${word}` : `gantry: unknown command: ${scope} ${word}`;
  const usage = found.group === undefined ? '' : `\nUsage:  ${scope} COMMAND\n`;
  io.stderr.write(`${problem}\n${guess}${usage}\nRun '${scope} --help' for more information\n`);
  return flag ? usageExitCode : 1;
}

async function fail(error: unknown, io: Io, debug: boolean, context: Context | undefined): Promise<number> {
  try {
    const text = context === undefined ? describeError(error, debug) : await describeFailure(context, error);
    if (text !== '') io.stderr.write(text);
    if (debug && error instanceof Error && !(error instanceof EngineError))
      io.stderr.write(`${error.stack ?? ''}\n`);
  } catch {
    // Nobody reads stderr any more.
  }
  return exitCodeOf(error);
}

function say(io: Io, text: string): number {
  io.stdout.write(text);
  return 0;
}

/** The terminal's width, between 60 and 120 columns. */
function helpWidth(io: Io): number {
  return Math.min(120, Math.max(60, io.stdout.columns() || 100));
}
