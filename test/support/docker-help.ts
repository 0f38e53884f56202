/** What the stock docker client says of itself: its commands, their aliases, flags and bounds of arguments, read from its help and its errors. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CommandResult, runProgram } from './daemon.ts';

export interface HelpFlag {
  /** '' for none. */
  short: string;
  /** `string`, `list`, …; '' for a switch. */
  type: string;
  /** As the help shows it, '' where it shows none. */
  initial: string;
}

export interface HelpCommand {
  /** `container ls`. */
  name: string;
  /** Full names, this one among them. */
  aliases: string[];
  flags: Map<string, HelpFlag>;
  /** Fewest and most arguments. */
  arguments: [fewest: number, most: number];
}

/** The flags that a help lists. */
export function flagsOfHelp(help: string): Map<string, HelpFlag> {
  const flags = new Map<string, HelpFlag>();
  const blocks = help.split(/^(?= {2}(?:-\w, | {4})--)/m).slice(1);
  for (const block of blocks) {
    const head = /^ {2}(?:-(\w), | {4})--([\w-]+)(?: (\S+))?(?: {2,}|\n|$)/.exec(block);
    if (head === null) continue;
    const [first = ''] = block.split(/\n(?! {10})/);
    const text = first.replace(/\s+/g, ' ').trim();
    const [, short = '', name = '', type = ''] = head;
    flags.set(name, { short, type, initial: shownDefault(text) });
  }
  return flags;
}

/** Zero values and words on what happens without the flag are no default. */
function shownDefault(text: string): string {
  return withoutZero(/\(default (.*)\)$/.exec(text)?.[1] ?? '');
}

/** '' for a default that says nothing. */
export function withoutZero(shown: string): string {
  return /^(map\[\]|\[\]|0|(shows|hides) .*)$/.test(shown) ? '' : shown;
}

/** The names that stand in a help under `… Commands:`. */
export function commandsOfHelp(help: string): string[] {
  const found: string[] = [];
  let listing = false;
  for (const line of help.split('\n')) {
    if (/^[A-Z].*:$/.test(line)) listing = /Commands:$/.test(line);
    else if (listing) found.push(...(/^ {2}([a-z][\w-]*)/.exec(line)?.slice(1) ?? []));
  }
  return found;
}

/** A docker client with a configuration of its own and a daemon that is not there. */
export class StockClient {
  readonly #folder = mkdtempSync(join(tmpdir(), 'gantry-stock-'));
  readonly #program: string;

  constructor(program: string) {
    this.#program = program;
  }

  run(...args: string[]): Promise<CommandResult> {
    const env = {
      DOCKER_CONFIG: this.#folder,
      DOCKER_HOST: 'unix:///nowhere/docker.sock',
      HOME: this.#folder,
    };
    return runProgram([this.#program, ...args], { env });
  }

  /** Walks the tree of commands below `groups`' help; `skipped` groups and commands are left out. */
  async commands(skipped: ReadonlySet<string>): Promise<HelpCommand[]> {
    const top = commandsOfHelp((await this.run('--help')).stdout).filter((name) => !skipped.has(name));
    const below = await inTurns(top, async (name) => {
      const help = (await this.run(...name.split(' '), '--help')).stdout;
      const inner = commandsOfHelp(help).map((word) => `${name} ${word}`);
      return inner.length === 0 ? [name] : inner;
    });
    const names = below.flat().filter((name) => !skipped.has(name));
    return inTurns(names, (name) => this.#command(name));
  }

  async #command(name: string): Promise<HelpCommand> {
    const help = (await this.run(...name.split(' '), '--help')).stdout;
    const aliases = /^Aliases:\n {2}(.*)$/m.exec(help)?.[1]?.split(', ') ?? [`docker ${name}`];
    const flags = flagsOfHelp(help);
    flags.delete('help');
    return {
      name,
      aliases: aliases.map((alias) => alias.replace(/^docker /, '')).sort(),
      flags,
      arguments: await this.#bounds(name),
    };
  }

  /** What it says to none and to twelve arguments. */
  async #bounds(name: string): Promise<[number, number]> {
    const words = name.split(' ');
    const few = boundsOf((await this.run(...words)).stderr);
    if (few !== undefined) return few;
    const many = boundsOf((await this.run(...words, ...'abcdefghijkl')).stderr);
    return many ?? [0, Number.POSITIVE_INFINITY];
  }

  close(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function boundsOf(stderr: string): [number, number] | undefined {
  if (/accepts no arguments/.test(stderr)) return [0, 0];
  const least = /requires at least (\d+) argument/.exec(stderr);
  if (least !== null) return [Number(least[1]), Number.POSITIVE_INFINITY];
  const both = /requires at least (\d+) and at most (\d+) argument/.exec(stderr);
  if (both !== null) return [Number(both[1]), Number(both[2])];
  const most = /requires at most (\d+) argument/.exec(stderr);
  if (most !== null) return [0, Number(most[1])];
  const exact = /(?:requires (?:exactly )?|accepts )(\d+) arg/.exec(stderr);
  return exact === null ? undefined : [Number(exact[1]), Number(exact[1])];
}

/** Four at a time, in order. */
async function inTurns<T, U>(items: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (let begin = 0; begin < items.length; begin += 4)
    results.push(...(await Promise.all(items.slice(begin, begin + 4).map(work))));
  return results;
}
