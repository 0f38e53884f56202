/** What may stand at the end of a command line: commands, flags, names of containers, images, volumes and networks. */
import type { ContainerSummary } from '../../wire/container.ts';
import type { ImageSummary } from '../../wire/image.ts';
import type { Network } from '../../wire/network.ts';
import type { VolumeListResponse } from '../../wire/volume.ts';
import type { Catalogue } from '../catalogue.ts';
import type { Context } from '../context.ts';
import { credentialStore } from '../credentials/registry-auth.ts';
import type { FlagSet } from '../flags/flag.ts';
import { globalFlags } from '../global-flags.ts';

/** `candidate` or `candidate<tab>description` for the last of `words`, which may be ''. */
export async function completionCandidates(context: Context, words: readonly string[]): Promise<string[]> {
  const current = words.at(-1) ?? '';
  const all = await candidatesFor(context, dropGlobals(words.slice(0, -1)), current);
  return all.filter((candidate) => candidate.startsWith(current));
}

async function candidatesFor(
  context: Context,
  before: readonly string[],
  current: string,
): Promise<string[]> {
  const [first, second] = before;
  const catalogue = context.catalogue();
  if (first === undefined) return current.startsWith('-') ? flagCandidates(globalFlags) : topLevel(catalogue);
  const group = catalogue.groups.find(({ name }) => name === first);
  if (group !== undefined && second === undefined) return within(catalogue, first);
  const name = group === undefined ? first : `${first} ${second}`;
  const entry = catalogue.entries.find(({ names }) => names.includes(name));
  if (entry === undefined) return [];
  const flags = await entry.flags();
  if (current.startsWith('-')) return flagCandidates(flags);
  const given = positionals(flags, before.slice(group === undefined ? 1 : 2));
  return given === undefined ? [] : objectCandidates(context, entry.names[0] ?? name, given);
}

/** Without the global options at the beginning. */
function dropGlobals(words: readonly string[]): readonly string[] {
  let index = 0;
  while (words[index]?.startsWith('-') === true) {
    const word = words[index] ?? '';
    const takesValue = /^(-H|-c|-l|--host|--context|--config|--log-level|--tls(cacert|cert|key))$/.test(word);
    index += takesValue ? 2 : 1;
  }
  return words.slice(index);
}

/** How many arguments stand there already; undefined where the value of a flag is being typed. */
function positionals(flags: FlagSet, words: readonly string[]): number | undefined {
  let count = 0;
  for (let index = 0; index < words.length; index += 1) {
    const word = words[index] ?? '';
    if (!word.startsWith('-')) {
      count += 1;
      continue;
    }
    if (word.includes('=') || !takesNext(flags, word)) continue;
    index += 1;
    if (index >= words.length) return undefined;
  }
  return count;
}

function takesNext(flags: FlagSet, word: string): boolean {
  const found = Object.entries(flags).find(
    ([name, spec]) => `--${name}` === word || spec.short === word.at(-1),
  );
  return found !== undefined && found[1].bare === undefined && (word.startsWith('--') || word.length >= 2);
}

function topLevel({ entries, groups }: Catalogue): string[] {
  const tops = entries.flatMap((entry) =>
    entry.names.filter((name) => !name.includes(' ')).map((name) => `${name}\t${entry.summary}`),
  );
  return [...tops, ...groups.map(({ name, summary }) => `${name}\t${summary}`)];
}

function within({ entries }: Catalogue, group: string): string[] {
  return entries.flatMap(({ names, summary }) => {
    const name = names.find((candidate) => candidate.startsWith(`${group} `));
    return name === undefined ? [] : [`${name.slice(group.length + 1)}\t${summary}`];
  });
}

function flagCandidates(flags: FlagSet): string[] {
  const shown = Object.entries(flags).filter(([, spec]) => spec.hidden !== true);
  return [
    ...shown.map(([name, spec]) => `--${name}\t${spec.help.split('\n')[0] ?? ''}`),
    '--help\tPrint usage',
  ];
}

/** Commands on one object. */
const singleVerbs = new Set([
  'attach',
  'commit',
  'diff',
  'exec',
  'export',
  'history',
  'logs',
  'port',
  'push',
  'rename',
  'tag',
  'top',
]);

async function objectCandidates(context: Context, name: string, given: number): Promise<string[]> {
  const [noun, verb = ''] = name.split(' ');
  if (name === 'container run' || name === 'container create') return given === 0 ? images(context) : [];
  if (name === 'login' || name === 'logout') return given === 0 ? registries(context) : [];
  const single = singleVerbs.has(verb);
  if ((single && given > 0) || ['ls', 'prune', 'create', 'pull', 'load', 'import'].includes(verb)) return [];
  if (noun === 'container')
    return containers(context, !['stop', 'kill', 'exec', 'attach', 'pause', 'top', 'port'].includes(verb));
  if (noun === 'image' || noun === 'manifest') return images(context);
  if (noun === 'volume') return volumes(context);
  if (noun === 'network') return networkCandidates(context, verb, given);
  return name === 'inspect' ? [...(await containers(context, true)), ...(await images(context))] : [];
}

/** The network comes first, then the container. */
function networkCandidates(context: Context, verb: string, given: number): Promise<string[]> {
  if (!['connect', 'disconnect'].includes(verb) || given === 0) return networks(context);
  return given === 1 ? containers(context, true) : Promise.resolve([]);
}

/** Those that the user has a login for. */
function registries(context: Context): string[] {
  return credentialStore(context).servers();
}

async function containers({ client }: Context, all: boolean): Promise<string[]> {
  const found = await client.call<ContainerSummary[]>('GET', '/containers/json', { query: { all } });
  return found.map(
    ({ Names, Image, Status }) => `${(Names[0] ?? '').replace(/^\//, '')}\t${Image}, ${Status}`,
  );
}

async function images({ client }: Context): Promise<string[]> {
  const found = await client.call<ImageSummary[]>('GET', '/images/json');
  return found.flatMap(({ RepoTags }) => (RepoTags ?? []).filter((tag) => !tag.startsWith('<none>')));
}

async function volumes({ client }: Context): Promise<string[]> {
  const { Volumes } = await client.call<VolumeListResponse>('GET', '/volumes');
  return (Volumes ?? []).map(({ Name }) => Name);
}

async function networks({ client }: Context): Promise<string[]> {
  return (await client.call<Network[]>('GET', '/networks')).map(({ Name, Driver }) => `${Name}\t${Driver}`);
}
