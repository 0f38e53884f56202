/** What may stand behind a flag. */
import type { ApiClient } from '../../client/api-client.ts';
import { ContextStore } from '../context-store.ts';
import { sortKeys } from '../monitor/listing.ts';
import { type Candidate, described, files, words } from './candidate.ts';
import { filterCandidates } from './filter-values.ts';
import { checkpoints, containers, drivers, networks, runtimes, volumes } from './objects.ts';

export interface ValueQuestion {
  /** Main name of the command, `container run`; '' for the global options. */
  command: string;
  /** Long name. */
  flag: string;
  /** What stands there of the value. */
  current: string;
  /** Arguments before it. */
  given: readonly string[];
  client: () => ApiClient;
  configFolder: string;
  env: Readonly<Record<string, string | undefined>>;
}

type Source = (question: ValueQuestion) => Promise<Candidate[]> | Candidate[];

const capabilities =
  'ALL AUDIT_CONTROL AUDIT_READ AUDIT_WRITE BLOCK_SUSPEND BPF CHECKPOINT_RESTORE CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID IPC_LOCK IPC_OWNER KILL LEASE LINUX_IMMUTABLE MAC_ADMIN MAC_OVERRIDE MKNOD NET_ADMIN NET_BIND_SERVICE NET_BROADCAST NET_RAW PERFMON SETFCAP SETGID SETPCAP SETUID SYSLOG SYS_ADMIN SYS_BOOT SYS_CHROOT SYS_MODULE SYS_NICE SYS_PACCT SYS_PTRACE SYS_RAWIO SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG WAKE_ALARM';
const signals =
  'SIGABRT SIGALRM SIGCONT SIGHUP SIGINT SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTERM SIGTSTP SIGUSR1 SIGUSR2 SIGWINCH';

const constant =
  (...texts: string[]): Source =>
  () =>
    words(...texts);
const aFile: Source = () => [files];
const platforms = constant(
  ...'linux/amd64 linux/arm64 linux/arm/v6 linux/arm/v7 linux/386 linux/ppc64le linux/riscv64 linux/s390x'.split(
    ' ',
  ),
);

/** `host` and `private`, or another container's. */
const namespaceOf =
  (...fixed: string[]): Source =>
  async ({ client, current }) => [
    ...words(...fixed, 'container:'),
    ...(current.startsWith('container:')
      ? await prefixed('container:', containers(client(), 'running'))
      : []),
  ];

async function prefixed(prefix: string, candidates: Promise<Candidate[]>): Promise<Candidate[]> {
  return (await candidates).map((candidate) => ({ ...candidate, text: prefix + candidate.text }));
}

/** Files, and before the first colon volumes. */
const mountSource: Source = async ({ client, current }) => {
  if (current.includes(':')) return [];
  if (/^[/.~]/.test(current)) return [files];
  return [...(await volumes(client())).map(({ text }) => ({ text: `${text}:` })), files];
};

const mountFlag: Source = ({ current }) => {
  const begin = current.slice(0, current.lastIndexOf(',') + 1);
  const parts = 'type= source= target= readonly bind-propagation= volume-opt= tmpfs-size= tmpfs-mode=';
  if (/(^|,)type=$/.test(current.slice(0, current.lastIndexOf('=') + 1)))
    return ['bind', 'volume', 'tmpfs'].map((type) => ({ text: `${begin}type=${type}` }));
  return parts.split(' ').map((part) => ({ text: begin + part }));
};

const permissions = [
  ...'read logs write exec copy'.split(' ').map((verb) => `containers:${verb}`),
  ...'images networks volumes system build'.split(' ').flatMap((noun) => [`${noun}:read`, `${noun}:write`]),
  'events',
  'all',
];

/** The next of a list with commas. */
const permissionList: Source = ({ current }) => {
  const begin = current.slice(0, current.lastIndexOf(',') + 1);
  return permissions.map((one) => ({ text: begin + one }));
};

const sources: Readonly<Record<string, Source>> = {
  allow: permissionList,
  attach: constant('stdin', 'stdout', 'stderr'),
  'cap-add': constant(...capabilities.split(' ')),
  'cap-drop': constant(...capabilities.split(' ')),
  cgroupns: constant('host', 'private'),
  checkpoint: ({ client, given }) => checkpoints(client(), given[0] ?? ''),
  config: aFile,
  context: ({ configFolder }) => contexts(configFolder),
  device: aFile,
  env: ({ env }) => words(...Object.keys(env).sort()),
  'env-file': aFile,
  cidfile: aFile,
  filter: ({ client, command, current }) => filterCandidates(client, command, current),
  format: constant('json', 'table'),
  from: ({ configFolder }) => contexts(configFolder),
  gpus: constant('all'),
  input: aFile,
  ipc: namespaceOf('host', 'private', 'shareable', 'none'),
  'label-file': aFile,
  link: async ({ client, current }) => (current.includes(':') ? [] : await containers(client(), 'all')),
  'log-driver': ({ client }) => drivers(client(), 'Log'),
  'log-level': constant('debug', 'info', 'warn', 'error', 'fatal'),
  'log-opt': constant(
    'max-size=',
    'max-file=',
    'compress=',
    'labels=',
    'labels-regex=',
    'env=',
    'mode=',
    'tag=',
  ),
  mount: mountFlag,
  network: async (question) => [
    ...(await networks(question.client())),
    ...(await namespaceOf()(question)).filter(({ text }) => text.startsWith('container:')),
  ],
  output: aFile,
  path: aFile,
  pid: namespaceOf('host'),
  platform: platforms,
  pull: constant('always', 'missing', 'never'),
  restart: constant('no', 'always', 'on-failure', 'on-failure:', 'unless-stopped'),
  runtime: ({ client }) => runtimes(client()),
  'security-opt': constant(
    'apparmor=',
    'label=',
    'no-new-privileges',
    'seccomp=',
    'seccomp=unconfined',
    'systempaths=unconfined',
    'writable-cgroups=',
  ),
  signal: constant(...signals.split(' ')),
  'stop-signal': constant(...signals.split(' ')),
  sort: constant(...sortKeys),
  tlscacert: aFile,
  tlscert: aFile,
  tlskey: aFile,
  type: constant('container', 'image', 'network', 'volume'),
  ulimit: constant(
    ...'core= cpu= data= fsize= locks= memlock= msgqueue= nice= nofile= nproc= rss= rtprio= rttime= sigpending= stack='.split(
      ' ',
    ),
  ),
  userns: constant('host'),
  uts: constant('host'),
  volume: mountSource,
  'volume-driver': ({ client }) => drivers(client(), 'Volume'),
  'volumes-from': ({ client }) => containers(client(), 'all'),
};

/** Where a flag means something else for one command. */
const special: Readonly<Record<string, Source>> = {
  'image build --allow': constant('network.host', 'security.insecure'),
  'image build --file': aFile,
  'image build --iidfile': aFile,
  'image build --metadata-file': aFile,
  'image build --network': constant('default', 'none', 'host'),
  'image build --output': ({ current }) =>
    /^[./~]/.test(current)
      ? [files]
      : words('type=local,dest=', 'type=tar,dest=', 'type=oci,dest=', 'type=docker,dest=', 'type=registry'),
  'image build --progress': constant('auto', 'plain', 'tty', 'rawjson', 'quiet'),
  'container update --restart': constant('no', 'always', 'on-failure', 'unless-stopped'),
  'network create --driver': ({ client }) => drivers(client(), 'Network'),
  'network create --scope': constant('local'),
  'volume create --driver': ({ client }) => drivers(client(), 'Volume'),
  'inspect --type': constant('container', 'image', 'network', 'volume'),
  'container ls --format': constant('json', 'table'),
};

/** Candidates for the value; nothing where it may be anything. */
export async function valueCandidates(question: ValueQuestion): Promise<Candidate[]> {
  const source =
    special[`${question.command} --${question.flag}`] ?? sources[aliases[question.flag] ?? question.flag];
  return (await source?.(question)) ?? [];
}

const aliases: Readonly<Record<string, string>> = { net: 'network' };

export function contexts(configFolder: string): Candidate[] {
  const stored = new ContextStore(configFolder).list();
  return [
    described('default', "Flags, environment, or Gantry's own socket"),
    ...stored.map(({ Name }) => ({ text: Name })),
  ];
}
