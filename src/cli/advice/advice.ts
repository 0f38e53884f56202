/** What is stuck when a command fails, and how to free it: asked of the daemon and the host once the failure is known. */
import type { ApiClient } from '../../client/api-client.ts';
import { messageOf } from '../../errors/engine-error.ts';
import type { ContainerSummary } from '../../wire/container.ts';
import type { ImageSummary } from '../../wire/image.ts';
import type { Context } from '../context.ts';
import { nearest } from '../flags/parse-flags.ts';
import { portHolder } from './port-holder.ts';
import { absenceAdvice, accessAdvice } from './socket-access.ts';

/** Milliseconds that looking for reasons may take. */
const patience = 1500;

type Finder = (client: ApiClient, match: RegExpExecArray) => Promise<string[]> | string[];

const rules: ReadonlyArray<readonly [pattern: RegExp, find: Finder]> = [
  [
    /permission denied while trying to connect to .* at unix:\/\/(\S+)/,
    (_, [, path = '']) => accessAdvice(path),
  ],
  [/Cannot connect to .* at unix:\/\/(\S+)\. Is/, (_, [, path = '']) => absenceAdvice(path)],
  [
    /(?:Bind for|failed to bind host port for) \S*?:(\d+)[: ].*(?:already allocated|already in use)/,
    portAdvice,
  ],
  [/unable to (?:remove repository reference "([^"]+)"|delete ([0-9a-f]+))/, imageAdvice],
  [/cannot remove container "?\/?([\w.-]+)"?: container is (running|paused|restarting)/, removalAdvice],
  [/The container name "\/?([\w.-]+)" is already in use by container "?([0-9a-f]+)/, nameAdvice],
  [/volume is in use - \[([^\]]+)\]/, volumeAdvice],
  [/network (\S+) has active endpoints/, networkAdvice],
  [/No such container: (\S+?)\.?(?: |$)/, containerAdvice],
  [/No such image: (\S+?)\.?(?: |$)|pull access denied for (\S+),/, missingImageAdvice],
  [
    /no space left on device/i,
    () => ['gantry system df shows what takes the space; gantry system prune frees it.'],
  ],
];

/**
 * Sentences, or none. On a terminal only, unless GANTRY_HINTS says `always` or `never`: what programs read of stderr stays docker's. It never
 * fails, and never takes long.
 */
export async function adviceOn(context: Pick<Context, 'io' | 'client'>, error: unknown): Promise<string[]> {
  const wanted = context.io.env['GANTRY_HINTS'] ?? '';
  if (wanted === 'never' || (wanted !== 'always' && !context.io.stderr.isTerminal)) return [];
  const message = messageOf(error);
  try {
    for (const [pattern, find] of rules) {
      const match = pattern.exec(message);
      if (match !== null) return await find(context.client, match);
    }
  } catch {
    // The failure itself has been told of.
  }
  return [];
}

function ask<T>(client: ApiClient, path: string, query: Record<string, string | boolean> = {}): Promise<T> {
  return client.call<T>('GET', path, { query, signal: AbortSignal.timeout(patience) });
}

function listed(client: ApiClient, filters: Record<string, string[]>): Promise<ContainerSummary[]> {
  return ask(client, '/containers/json', { all: true, filters: JSON.stringify(filters) });
}

function nameOf({ Names, Id }: ContainerSummary): string {
  return (Names[0] ?? Id.slice(0, 12)).replace(/^\//, '');
}

function allNames(containers: readonly ContainerSummary[]): string {
  return containers.map((one) => `${nameOf(one)} (${one.Status})`).join(', ');
}

async function portAdvice(client: ApiClient, [, port = '']: RegExpExecArray): Promise<string[]> {
  const running = await ask<ContainerSummary[]>(client, '/containers/json');
  const holders = running.filter(({ Ports }) => Ports.some(({ PublicPort }) => PublicPort === Number(port)));
  const [container] = holders;
  if (container !== undefined)
    return [`Port ${port} is published by ${allNames(holders)}: gantry stop ${nameOf(container)}`];
  // Processes can be looked at only where the daemon is.
  const holder = client.endpoint.kind === 'unix' ? portHolder(Number(port)) : undefined;
  if (holder === undefined) return [`Publish another port, or find who has it: ss -lntup 'sport = :${port}'`];
  return [`Port ${port} is held by process ${holder.pid}, ${holder.program}`];
}

async function imageAdvice(client: ApiClient, [, name, id = '']: RegExpExecArray): Promise<string[]> {
  const users = await listed(client, { ancestor: [name ?? id] });
  if (users.length === 0) return [];
  const names = users.map(nameOf).join(' ');
  return [`It is used by ${allNames(users)}`, `To free it: gantry rm -f ${names}`];
}

function removalAdvice(_: ApiClient, [, name = '', state = '']: RegExpExecArray): string[] {
  return [`It is ${state}: gantry stop ${name}, or at once: gantry rm -f ${name}`];
}

async function nameAdvice(client: ApiClient, [, name = '', id = '']: RegExpExecArray): Promise<string[]> {
  const [holder] = await listed(client, { id: [id] });
  const status = holder === undefined ? '' : ` (${holder.Image}, ${holder.Status})`;
  return [`To free the name${status}: gantry rm -f ${name}, or: gantry rename ${name} ${name}-old`];
}

async function volumeAdvice(client: ApiClient, [, ids = '']: RegExpExecArray): Promise<string[]> {
  const users = await listed(client, { id: ids.split(/, ?/) });
  return users.length === 0
    ? []
    : [`It is used by ${allNames(users)}`, `To free it: gantry rm -f ${users.map(nameOf).join(' ')}`];
}

async function networkAdvice(client: ApiClient, [, network = '']: RegExpExecArray): Promise<string[]> {
  const users = await listed(client, { network: [network] });
  return users.map((one) => `To free it: gantry network disconnect -f ${network} ${nameOf(one)}`);
}

async function containerAdvice(client: ApiClient, [, name = '']: RegExpExecArray): Promise<string[]> {
  const near = nearest(name, (await listed(client, {})).map(nameOf));
  return near === undefined || near === name ? [] : [`Did you mean ${near}?`];
}

async function missingImageAdvice(client: ApiClient, [, name, pulled]: RegExpExecArray): Promise<string[]> {
  const images = await ask<ImageSummary[]>(client, '/images/json');
  const tags = images.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => !tag.startsWith('<none>'));
  const wanted = (name ?? pulled ?? '').replace(/:latest$/, '');
  const repositories = [...new Set(tags.map((tag) => tag.replace(/:latest$/, '')))];
  const near = nearest(wanted, repositories);
  return near === undefined || near === wanted ? [] : [`Did you mean ${near}, which is here?`];
}
