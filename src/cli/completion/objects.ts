/** Names that the daemon and the user's files know, for completion. A daemon that does not answer soon knows none. */
import type { ApiClient } from '../../client/api-client.ts';
import type { ContainerSummary } from '../../wire/container.ts';
import type { ImageSummary } from '../../wire/image.ts';
import type { Network } from '../../wire/network.ts';
import type { InfoResponse } from '../../wire/system.ts';
import type { RemovedObject } from '../../wire/undo.ts';
import type { VolumeListResponse } from '../../wire/volume.ts';
import { type Candidate, described, words } from './candidate.ts';

/** Milliseconds: whoever presses Tab does not wait longer. */
const patience = 2000;

export type States = 'all' | 'running' | 'stopped' | 'paused' | 'pausable';

const stateFilters: Readonly<Record<States, Readonly<Record<string, string[]>>>> = {
  all: {},
  running: { status: ['running', 'paused', 'restarting'] },
  stopped: { status: ['created', 'exited', 'dead'] },
  paused: { status: ['paused'] },
  pausable: { status: ['running'] },
};

function ask<T>(client: ApiClient, path: string, query: Record<string, string | boolean> = {}): Promise<T> {
  return client.call<T>('GET', path, { query, signal: AbortSignal.timeout(patience) });
}

export async function containers(client: ApiClient, states: States): Promise<Candidate[]> {
  const filters = JSON.stringify(stateFilters[states]);
  const found = await ask<ContainerSummary[]>(client, '/containers/json', { all: true, filters });
  return found.map(({ Names, Image, Status }) =>
    described((Names[0] ?? '').replace(/^\//, ''), `${Image}, ${Status}`),
  );
}

/** `busybox:latest`; where one is asked for that has no tag, also its ID. */
export async function images(client: ApiClient): Promise<Candidate[]> {
  const found = await ask<ImageSummary[]>(client, '/images/json');
  const tags = found.flatMap(({ RepoTags }) => RepoTags ?? []).filter((tag) => !tag.startsWith('<none>'));
  return words(...tags);
}

/** `busybox`, each once. */
export async function repositories(client: ApiClient): Promise<Candidate[]> {
  const tags = await images(client);
  return words(...new Set(tags.map(({ text }) => text.replace(/:[^:/]*$/, ''))));
}

export async function volumes(client: ApiClient): Promise<Candidate[]> {
  const { Volumes } = await ask<VolumeListResponse>(client, '/volumes');
  return (Volumes ?? []).map(({ Name, Driver }) => described(Name, Driver));
}

export async function networks(client: ApiClient): Promise<Candidate[]> {
  const found = await ask<Network[]>(client, '/networks');
  return found.map(({ Name, Driver }) => described(Name, Driver));
}

export async function runtimes(client: ApiClient): Promise<Candidate[]> {
  const { Runtimes } = await ask<InfoResponse>(client, '/info');
  return words(...Object.keys(Runtimes ?? {}).sort());
}

/** Drivers of a kind that the daemon has. */
export async function drivers(client: ApiClient, kind: 'Volume' | 'Network' | 'Log'): Promise<Candidate[]> {
  const { Plugins } = await ask<InfoResponse>(client, '/info');
  return words(...(Plugins[kind] ?? []));
}

/** `key` and `key=value` of all containers, images, volumes and networks. */
export async function labels(client: ApiClient): Promise<Candidate[]> {
  const answers = await Promise.allSettled([
    ask<ContainerSummary[]>(client, '/containers/json', { all: true }),
    ask<ImageSummary[]>(client, '/images/json'),
    ask<Network[]>(client, '/networks'),
  ]);
  const found = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [...answer.value] : []));
  const pairs = found.flatMap(({ Labels }) => Object.entries(Labels ?? {}));
  return words(...new Set(pairs.map(([name, value]) => (value === '' ? name : `${name}=${value}`))));
}

/** Names of scoped sockets. */
export async function sockets(client: ApiClient): Promise<Candidate[]> {
  const found = await ask<Array<{ Name: string }>>(client, '/gantry/sockets');
  return words(...found.map(({ Name }) => Name));
}

/** What was removed and can be restored. */
export async function removed(client: ApiClient): Promise<Candidate[]> {
  const found = await ask<RemovedObject[]>(client, '/gantry/undo');
  return found.map(({ Name, Kind, RemovedAt }) => described(Name, `${Kind}, removed ${RemovedAt}`));
}

export async function checkpoints(client: ApiClient, container: string): Promise<Candidate[]> {
  const path = `/containers/${encodeURIComponent(container)}/checkpoints`;
  return words(...(await ask<Array<{ Name: string }>>(client, path)).map(({ Name }) => Name));
}
