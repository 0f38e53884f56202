/** Which filters each list has, and what their values may be. */
import type { ApiClient } from '../../client/api-client.ts';
import { type Candidate, words } from './candidate.ts';
import { containers, drivers, images, labels, networks, volumes } from './objects.ts';

type Values = (client: ApiClient) => Promise<Candidate[]> | Candidate[];

const yesNo: Values = () => words('true', 'false');
const open: Values = () => [];
const anyContainer: Values = (client) => containers(client, 'all');
const states: Values = () =>
  words('created', 'dead', 'exited', 'paused', 'removing', 'restarting', 'running');
const eventNames: Values = () =>
  words(
    ...'attach commit connect copy create delete destroy detach die disable disconnect enable exec_create exec_detach exec_die exec_start export health_status import kill load mount oom pause prune pull push reload rename resize restart save start stop tag top unmount unpause untag update'.split(
      ' ',
    ),
  );

const byLabel = { label: labels };
const pruned = { label: labels, 'label!': labels, until: open };

const containerList: Readonly<Record<string, Values>> = {
  ...byLabel,
  ancestor: images,
  before: anyContainer,
  exited: () => words('0', '1', '137'),
  expose: open,
  health: () => words('healthy', 'none', 'starting', 'unhealthy'),
  id: open,
  isolation: () => words('default'),
  'is-task': yesNo,
  name: anyContainer,
  network: networks,
  publish: open,
  since: anyContainer,
  status: states,
  volume: volumes,
};

const cacheRecords: Readonly<Record<string, Values>> = {
  description: open,
  id: open,
  inuse: yesNo,
  private: yesNo,
  shared: yesNo,
  type: () =>
    words('exec.cachemount', 'frontend', 'internal', 'regular', 'source.git.checkout', 'source.local'),
};

const filters: Readonly<Record<string, Readonly<Record<string, Values>>>> = {
  'builder du': cacheRecords,
  'builder prune': { ...cacheRecords, until: open },
  'container ls': containerList,
  monitor: containerList,
  'container prune': pruned,
  'image ls': {
    ...byLabel,
    before: images,
    dangling: yesNo,
    reference: images,
    since: images,
    until: open,
  },
  'image prune': pruned,
  'network ls': {
    ...byLabel,
    dangling: yesNo,
    driver: (client) => drivers(client, 'Network'),
    id: open,
    name: networks,
    scope: () => words('global', 'local', 'swarm'),
    type: () => words('builtin', 'custom'),
  },
  'network prune': pruned,
  'volume ls': {
    ...byLabel,
    dangling: yesNo,
    driver: (client) => drivers(client, 'Volume'),
    name: volumes,
  },
  'volume prune': { all: yesNo, label: labels, 'label!': labels },
  'system prune': pruned,
  search: { 'is-automated': yesNo, 'is-official': yesNo, stars: open },
  'system events': {
    ...byLabel,
    container: anyContainer,
    daemon: open,
    event: eventNames,
    image: images,
    network: networks,
    scope: () => words('local', 'swarm'),
    type: () => words('builder', 'container', 'daemon', 'image', 'network', 'volume'),
    volume: volumes,
  },
};

/** The names of a list's filters, each with its `=`, or the values of the one that stands there. */
export async function filterCandidates(
  client: () => ApiClient,
  command: string,
  current: string,
): Promise<Candidate[]> {
  const known = filters[command] ?? {};
  const equals = current.indexOf('=');
  if (equals < 0) return words(...Object.keys(known).map((name) => `${name}=`));
  const name = current.slice(0, equals);
  const found = (await known[name]?.(client())) ?? [];
  return found.map((candidate) => ({ ...candidate, text: `${name}=${candidate.text}` }));
}
