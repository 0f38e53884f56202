/** What may stand as an argument of each command. */
import type { ApiClient } from '../../client/api-client.ts';
import { type Candidate, files, words } from './candidate.ts';
import { contexts } from './flag-values.ts';
import {
  checkpoints,
  containers,
  images,
  networks,
  removed,
  repositories,
  type States,
  sockets,
  volumes,
} from './objects.ts';

export interface ArgumentQuestion {
  /** Main name, `container stop`. */
  command: string;
  /** Arguments before it. */
  given: readonly string[];
  current: string;
  client: () => ApiClient;
  configFolder: string;
  /** Servers that the user has a login for. */
  registries: () => readonly string[];
}

type Source = (question: ArgumentQuestion) => Promise<Candidate[]> | Candidate[];

const ofContainers =
  (states: States): Source =>
  ({ client }) =>
    containers(client(), states);
const ofImages: Source = ({ client }) => images(client());
const ofNetworks: Source = ({ client }) => networks(client());
const ofVolumes: Source = ({ client }) => volumes(client());
const ofContexts: Source = ({ configFolder }) => contexts(configFolder);
const ofSockets: Source = ({ client }) => sockets(client());
const aFile: Source = () => [files];
const nothing: Source = () => [];

/** Only the first arguments, each by its own rule. */
const inTurn =
  (...sources: Source[]): Source =>
  (question) =>
    sources[question.given.length]?.(question) ?? [];

/** `NAME:` of a container, or a file. */
const copied: Source = async ({ client, current, given }) => {
  if (given.length > 1 || /^[^/.]*:/.test(current)) return [];
  if (/^[/.~]/.test(current)) return [files];
  const names = await containers(client(), 'all');
  return [...names.map((one) => ({ ...one, text: `${one.text}:` })), files];
};

const anything: Source = async (question) => {
  const found = await Promise.allSettled(
    [ofContainers('all'), ofImages, ofNetworks, ofVolumes].map(async (source) => await source(question)),
  );
  return found.flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []));
};

const ofRegistries: Source = ({ registries }) => words(...registries());
const ofCheckpoints: Source = ({ client, given }) => checkpoints(client(), given[0] ?? '');

const rules: Readonly<Record<string, Source>> = {
  'checkpoint create': inTurn(ofContainers('running')),
  'checkpoint ls': inTurn(ofContainers('all')),
  'checkpoint rm': inTurn(ofContainers('all'), ofCheckpoints),
  completion: inTurn(() => words('bash', 'zsh', 'fish')),
  'container attach': inTurn(ofContainers('running')),
  'container commit': inTurn(ofContainers('all'), ({ client }) => repositories(client())),
  'container cp': copied,
  'container create': inTurn(ofImages),
  'container diff': inTurn(ofContainers('all')),
  'container exec': inTurn(ofContainers('running')),
  'container export': inTurn(ofContainers('all')),
  'container inspect': ofContainers('all'),
  'container kill': ofContainers('running'),
  'container logs': inTurn(ofContainers('all')),
  'container pause': ofContainers('pausable'),
  'container port': inTurn(ofContainers('running')),
  'container rename': inTurn(ofContainers('all')),
  'container restart': ofContainers('all'),
  'container rm': ofContainers('all'),
  'container run': inTurn(ofImages),
  'container start': ofContainers('stopped'),
  'container stats': ofContainers('running'),
  'container stop': ofContainers('running'),
  'container top': inTurn(ofContainers('running')),
  'container unpause': ofContainers('paused'),
  'container update': ofContainers('all'),
  'container wait': ofContainers('all'),
  'context export': inTurn(ofContexts, aFile),
  'context import': inTurn(nothing, aFile),
  'context inspect': ofContexts,
  'context rm': ofContexts,
  'context update': inTurn(ofContexts),
  'context use': inTurn(ofContexts),
  'image build': inTurn(aFile),
  'image history': inTurn(ofImages),
  'image import': inTurn(aFile, ({ client }) => repositories(client())),
  'image inspect': ofImages,
  'image ls': inTurn(({ client }) => repositories(client())),
  'image pull': inTurn(ofImages),
  'image push': inTurn(ofImages),
  'image rm': ofImages,
  'image save': ofImages,
  'image tag': inTurn(ofImages, ofImages),
  inspect: anything,
  login: inTurn(ofRegistries),
  logout: inTurn(ofRegistries),
  'manifest annotate': inTurn(ofImages, ofImages),
  'manifest create': ofImages,
  'manifest inspect': inTurn(ofImages, ofImages),
  'network connect': inTurn(ofNetworks, ofContainers('all')),
  'network disconnect': inTurn(ofNetworks, ofContainers('all')),
  'network inspect': ofNetworks,
  'network rm': ofNetworks,
  'socket inspect': ofSockets,
  'socket rm': ofSockets,
  undo: ({ client }) => removed(client()),
  'volume inspect': ofVolumes,
  'volume rm': ofVolumes,
};

/** Commands without a rule of their own: objects of their group, but for what makes new ones. */
const byGroup: Readonly<Record<string, Source>> = {
  container: ofContainers('all'),
  context: ofContexts,
  image: ofImages,
  network: ofNetworks,
  socket: ofSockets,
  volume: inTurn(ofVolumes, aFile),
};

function ruleOf(command: string): Source {
  const [group = '', verb = ''] = command.split(' ');
  const other = ['create', 'load', 'ls', 'prune'].includes(verb) ? undefined : byGroup[group];
  return rules[command] ?? other ?? nothing;
}

/** Candidates for the next argument, without those that stand there already. */
export async function argumentCandidates(question: ArgumentQuestion): Promise<Candidate[]> {
  const found = await ruleOf(question.command)(question);
  return found.filter(({ text }) => !question.given.includes(text));
}

/** Is there a rule for the arguments of this command? */
export function hasArgumentRule(command: string): boolean {
  return ruleOf(command) !== nothing;
}
