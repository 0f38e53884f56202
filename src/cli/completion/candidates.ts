/** What may stand at the end of a command line: commands, flags and their values, and names that the daemon knows. */
import type { ApiClient } from '../../client/api-client.ts';
import type { Catalogue, CatalogueEntry } from '../catalogue.ts';
import type { Context } from '../context.ts';
import { credentialStore } from '../credentials/registry-auth.ts';
import { chooseDaemon, clientOf } from '../daemon-choice.ts';
import type { FlagSet, FlagSpec } from '../flags/flag.ts';
import { parseFlags } from '../flags/parse-flags.ts';
import { configFolder, globalFlags } from '../global-flags.ts';
import { UserConfig } from '../user-config.ts';
import { argumentCandidates } from './argument-values.ts';
import { type Candidate, described, words } from './candidate.ts';
import { valueCandidates } from './flag-values.ts';

/** `candidate` or `candidate<tab>description` for the last of `line`, which may be ''; `:files` where files may follow. */
export async function completionCandidates(context: Context, line: readonly string[]): Promise<string[]> {
  const current = line.at(-1) ?? '';
  const before = line.slice(0, -1);
  const found = await candidatesFor(context, before, current).catch((): Candidate[] => []);
  const fitting = found.filter(({ text }) => text === ':files' || text.startsWith(current));
  return fitting.map(({ text, description }) =>
    description === undefined ? text : `${text}\t${description.replaceAll('\n', ' ')}`,
  );
}

interface Place {
  /** Main name of the command; '' before it. */
  command: string;
  flags: FlagSet;
  /** What stands between the command and the word that is completed. */
  before: readonly string[];
  /** False: after the first argument there are no flags. */
  interspersed: boolean;
}

async function candidatesFor(
  context: Context,
  before: readonly string[],
  current: string,
): Promise<Candidate[]> {
  const globals = globalWords(before);
  const client = await clientFor(context, globals);
  const rest = before.slice(globals.length);
  if (rest.length === 0) {
    const place = { command: '', flags: globalFlags, before: globals, interspersed: true };
    const value = await flagValue(context, place, current, client);
    if (value !== undefined) return value;
    return current.startsWith('-') ? flagCandidates(globalFlags) : topLevel(context.catalogue());
  }
  const catalogue = context.catalogue();
  const group = catalogue.groups.find(({ name }) => name === rest[0]);
  if (group !== undefined && rest.length === 1) return within(catalogue, group.name);
  if (rest[0] === 'help') return help(catalogue, rest.slice(1));
  const count = group === undefined ? 1 : 2;
  const entry = catalogue.entries.find(({ names }) => names.includes(rest.slice(0, count).join(' ')));
  return entry === undefined ? [] : await inCommand(context, entry, rest.slice(count), current, client);
}

async function inCommand(
  context: Context,
  { names, command }: CatalogueEntry,
  before: readonly string[],
  current: string,
  client: () => ApiClient,
): Promise<Candidate[]> {
  const { flags, interspersed } = await command();
  const place = { command: names[0] ?? '', flags, before, interspersed };
  const value = await flagValue(context, place, current, client);
  if (value !== undefined) return value;
  const { given, ended } = positionals(place);
  if (current.startsWith('-') && !ended) return flagCandidates(flags);
  return await argumentCandidates({
    command: place.command,
    given,
    current,
    client,
    configFolder: context.configFolder,
    registries: () => credentialStore(context).servers(),
  });
}

/** The global options at the beginning, with their values as far as they are there. */
function globalWords(line: readonly string[]): readonly string[] {
  let index = 0;
  while (line[index]?.startsWith('-') === true) index += takesNext(globalFlags, line[index] ?? '') ? 2 : 1;
  return line.slice(0, index);
}

/** The daemon that the line is for, which may be another one than this process's. */
async function clientFor(context: Context, globals: readonly string[]): Promise<() => ApiClient> {
  if (globals.length === 0) return () => context.client;
  try {
    const { flags } = parseFlags(globalFlags, globals, true);
    const folder = configFolder(flags, context.io.env);
    const userConfig = UserConfig.read(folder);
    const daemon = chooseDaemon(flags, context.io.env, userConfig);
    return await clientOf(daemon, folder, context.io.env, userConfig);
  } catch {
    return () => context.client;
  }
}

/** Where the value of a flag is being typed: `--flag VALUE`, `-f VALUE` or `--flag=VALUE`; undefined elsewhere. */
async function flagValue(
  context: Context,
  place: Place,
  current: string,
  client: () => ApiClient,
): Promise<Candidate[] | undefined> {
  const { command, flags } = place;
  const { given, ended, open } = positionals(place);
  const joined = ended ? null : /^(--[\w-]+=)(.*)$/.exec(current);
  const flag = open ?? (joined === null ? undefined : flagOf(flags, joined[1]?.slice(0, -1) ?? ''));
  if (flag === undefined) return undefined;
  const prefix = open === undefined ? (joined?.[1] ?? '') : '';
  const { configFolder: folder, io } = context;
  const found = await valueCandidates({
    command,
    flag,
    given,
    client,
    current: current.slice(prefix.length),
    configFolder: folder,
    env: io.env,
  });
  if (prefix === '') return found;
  return found.map((one) => (one.text === ':files' ? one : { ...one, text: prefix + one.text }));
}

/** The arguments that stand there; whether no flag can follow any more; the flag whose value comes next. */
function positionals({ flags, before, interspersed }: Place): {
  given: string[];
  ended: boolean;
  open: string | undefined;
} {
  const given: string[] = [];
  for (let index = 0; index < before.length; index += 1) {
    const word = before[index] ?? '';
    if (word === '--') return { given: [...given, ...before.slice(index + 1)], ended: true, open: undefined };
    if (!word.startsWith('-') || word === '-') {
      given.push(word);
      if (interspersed) continue;
      return { given: before.slice(index), ended: true, open: undefined };
    }
    if (!takesNext(flags, word)) continue;
    index += 1;
    if (index >= before.length) return { given, ended: false, open: flagOf(flags, word) };
  }
  return { given, ended: false, open: undefined };
}

function entryOf(flags: FlagSet, word: string): [string, FlagSpec<unknown>] | undefined {
  return Object.entries(flags).find(([name, spec]) =>
    word.startsWith('--') ? `--${name}` === word : spec.short === word.at(-1),
  );
}

function flagOf(flags: FlagSet, word: string): string | undefined {
  return entryOf(flags, word)?.[0];
}

function takesNext(flags: FlagSet, word: string): boolean {
  if (word.includes('=')) return false;
  const found = entryOf(flags, word);
  if (found === undefined || found[1].bare !== undefined) return false;
  // Of `-p80:80` the rest is the value already.
  return word.startsWith('--') || [...word.slice(1, -1)].every((letter) => isSwitch(flags, letter));
}

function isSwitch(flags: FlagSet, letter: string): boolean {
  return Object.values(flags).some((spec) => spec.short === letter && spec.bare !== undefined);
}

function topLevel({ entries, groups }: Catalogue): Candidate[] {
  const tops = entries
    .filter(({ hidden }) => hidden !== true)
    .flatMap((entry) =>
      entry.names.filter((name) => !name.includes(' ')).map((name) => described(name, entry.summary)),
    );
  return [...tops, ...groups.map(({ name, summary }) => described(name, summary)), ...words('help')];
}

function within({ entries }: Catalogue, group: string): Candidate[] {
  return entries.flatMap(({ names, summary, hidden }) => {
    const name = names.find((candidate) => candidate.startsWith(`${group} `));
    return name === undefined || hidden === true ? [] : [described(name.slice(group.length + 1), summary)];
  });
}

function help(catalogue: Catalogue, topic: readonly string[]): Candidate[] {
  const [group] = topic;
  if (group === undefined) return topLevel(catalogue);
  return topic.length === 1 ? within(catalogue, group) : [];
}

function flagCandidates(flags: FlagSet): Candidate[] {
  const shown = Object.entries(flags).filter(([, spec]) => spec.hidden !== true);
  return [
    ...shown.map(([name, spec]) => described(`--${name}`, spec.help)),
    ...shown.flatMap(([, spec]) =>
      spec.short === undefined ? [] : [described(`-${spec.short}`, spec.help)],
    ),
    described('--help', 'Print usage'),
  ];
}
