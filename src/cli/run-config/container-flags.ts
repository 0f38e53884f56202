/** The flags that `gantry run` and `gantry create` share: what the container is and how the host runs it. */
import type { FlagValues } from '../flags/flag.ts';
import {
  bytes,
  cpus,
  duration,
  integer,
  list,
  optionalInteger,
  optionalText,
  optionalToggle,
  text,
  toggle,
} from '../flags/kinds.ts';
import { parseBlockRate, parseCgroupRule, parseIoRate, parseWeight } from './device-flags.ts';
import {
  checkAddHost,
  checkAttach,
  checkDns,
  checkDnsSearch,
  checkEnv,
  checkLabel,
  checkLink,
  checkSysctl,
} from './flag-checks.ts';
import { parseGpus } from './gpu-flag.ts';
import { parseMount } from './mount-flag.ts';
import { parseNetwork } from './network-flag.ts';
import { parseUlimit } from './ulimit-flag.ts';

const process = 'Process';
const storage = 'Storage';
const network = 'Network';
const resources = 'Resources';
const isolation = 'Isolation and privileges';
const health = 'Health';
const advanced = 'Advanced';

const processFlags = {
  attach: list('Attach to STDIN, STDOUT or STDERR', { short: 'a', group: process, check: checkAttach }),
  interactive: toggle('Keep STDIN open even if not attached', { short: 'i', group: process }),
  tty: toggle('Allocate a pseudo-TTY', { short: 't', group: process }),
  env: list('Set environment variables', { short: 'e', group: process, check: checkEnv }),
  'env-file': list('Read in a file of environment variables', { group: process }),
  entrypoint: optionalText('Overwrite the default ENTRYPOINT of the image', { group: process }),
  workdir: text('Working directory inside the container', { short: 'w', group: process }),
  user: text('Username or UID (format: <name|uid>[:<group|gid>])', { short: 'u', group: process }),
  'group-add': list('Add additional groups to join', { group: process }),
  init: optionalToggle('Run an init inside the container that forwards signals and reaps processes', {
    group: process,
  }),
  restart: text('Restart policy to apply when a container exits', { initial: 'no', group: process }),
  rm: toggle('Automatically remove the container and its associated anonymous volumes when it exits', {
    group: process,
  }),
  'stop-signal': text('Signal to stop the container', { group: process }),
  'stop-timeout': optionalInteger('Timeout (in seconds) to stop a container', { group: process }),
} as const;

const storageFlags = {
  volume: list('Bind mount a volume', { short: 'v', group: storage }),
  mount: parseMount('Attach a filesystem mount to the container', storage),
  tmpfs: list('Mount a tmpfs directory', { group: storage }),
  'volumes-from': list('Mount volumes from the specified container(s)', { group: storage }),
  'volume-driver': text('Optional volume driver for the container', { group: storage }),
  'read-only': toggle("Mount the container's root filesystem as read only", { group: storage }),
  'shm-size': bytes('Size of /dev/shm', { group: storage }),
  'storage-opt': list('Storage driver options for the container', { group: storage }),
} as const;

const networkFlags = {
  publish: list("Publish a container's port(s) to the host", { short: 'p', group: network }),
  'publish-all': toggle('Publish all exposed ports to random ports', { short: 'P', group: network }),
  'publish-from': list('Let only these sources reach published ports (CIDR blocks, addresses)', {
    group: network,
  }),
  egress: list('Limit what the container may reach (none, or allow=HOST:PORT,...)', { group: network }),
  expose: list('Expose a port or a range of ports', { group: network }),
  network: parseNetwork('Connect a container to a network', network),
  net: { ...parseNetwork('Connect a container to a network', network), hidden: true },
  'network-alias': list('Add network-scoped alias for the container', { group: network }),
  'net-alias': list('Add network-scoped alias for the container', { group: network, hidden: true }),
  hostname: text('Container host name', { short: 'h', group: network }),
  domainname: text('Container NIS domain name', { group: network }),
  'add-host': list('Add a custom host-to-IP mapping (host:ip)', { group: network, check: checkAddHost }),
  dns: list('Set custom DNS servers', { group: network, check: checkDns }),
  'dns-option': list('Set DNS options', { group: network }),
  'dns-opt': list('Set DNS options', { group: network, hidden: true }),
  'dns-search': list('Set custom DNS search domains', { group: network, check: checkDnsSearch }),
  ip: text('IPv4 address (e.g., 172.30.100.104)', { group: network }),
  ip6: text('IPv6 address (e.g., 2001:db8::33)', { group: network }),
  'link-local-ip': list('Container IPv4/IPv6 link-local addresses', { group: network }),
  link: list('Add link to another container', { group: network, check: checkLink }),
  'mac-address': text('Container MAC address (e.g., 92:d0:c6:0a:29:33)', { group: network }),
} as const;

const resourceFlags = {
  memory: bytes('Memory limit', { short: 'm', group: resources }),
  'memory-reservation': bytes('Memory soft limit', { group: resources }),
  'memory-swap': bytes("Swap limit equal to memory plus swap: '-1' to enable unlimited swap", {
    group: resources,
    unlimited: true,
  }),
  'memory-swappiness': integer('Tune container memory swappiness (0 to 100)', {
    initial: -1,
    shownDefault: '-1',
    group: resources,
  }),
  'kernel-memory': bytes('Kernel memory limit', { group: resources, hidden: true }),
  cpus: cpus('Number of CPUs', { group: resources }),
  'cpu-shares': integer('CPU shares (relative weight)', { short: 'c', group: resources }),
  'cpu-period': integer('Limit CPU CFS (Completely Fair Scheduler) period', { group: resources }),
  'cpu-quota': integer('Limit CPU CFS (Completely Fair Scheduler) quota', { group: resources }),
  'cpu-rt-period': integer('Limit CPU real-time period in microseconds', { group: resources }),
  'cpu-rt-runtime': integer('Limit CPU real-time runtime in microseconds', { group: resources }),
  'cpuset-cpus': text('CPUs in which to allow execution (0-3, 0,1)', { group: resources }),
  'cpuset-mems': text('MEMs in which to allow execution (0-3, 0,1)', { group: resources }),
  'pids-limit': integer('Tune container pids limit (set -1 for unlimited)', { group: resources }),
  ulimit: parseUlimit('Ulimit options', resources),
  'oom-kill-disable': toggle('Disable OOM Killer', { group: resources }),
  'oom-score-adj': integer("Tune host's OOM preferences (-1000 to 1000)", { group: resources }),
  'blkio-weight': integer('Block IO (relative weight), between 10 and 1000, or 0 to disable', {
    type: 'uint16',
    group: resources,
    least: 0,
  }),
  'blkio-weight-device': parseWeight('Block IO weight (relative device weight)', resources),
  'device-read-bps': parseBlockRate('Limit read rate (bytes per second) from a device', resources),
  'device-read-iops': parseIoRate('Limit read rate (IO per second) from a device', resources),
  'device-write-bps': parseBlockRate('Limit write rate (bytes per second) to a device', resources),
  'device-write-iops': parseIoRate('Limit write rate (IO per second) to a device', resources),
} as const;

const isolationFlags = {
  privileged: toggle('Give extended privileges to this container', { group: isolation }),
  'cap-add': list('Add Linux capabilities', { group: isolation }),
  'cap-drop': list('Drop Linux capabilities', { group: isolation }),
  'security-opt': list('Security Options', { group: isolation }),
  device: list('Add a host device to the container', { group: isolation }),
  'device-cgroup-rule': list('Add a rule to the cgroup allowed devices list', {
    group: isolation,
    check: parseCgroupRule,
  }),
  gpus: parseGpus("GPU devices to add to the container ('all' to pass all GPUs)", isolation),
  pid: text('PID namespace to use', { group: isolation }),
  ipc: text('IPC mode to use', { group: isolation }),
  uts: text('UTS namespace to use', { group: isolation }),
  userns: text('User namespace to use', { group: isolation }),
  cgroupns: text('Cgroup namespace to use: host, private, or what the daemon is set to', {
    group: isolation,
  }),
  'cgroup-parent': text('Optional parent cgroup for the container', { group: isolation }),
  sysctl: list('Sysctl options', { type: 'map', group: isolation, check: checkSysctl }),
  runtime: text('Runtime to use for this container', { group: isolation }),
  isolation: text('Container isolation technology', { group: isolation }),
  'use-api-socket': toggle('Bind mount Docker API socket and required auth', { group: isolation }),
} as const;

const healthFlags = {
  'health-cmd': text('Command to run to check health', { group: health }),
  'health-interval': duration('Time between running the check (ms|s|m|h)', { group: health }),
  'health-retries': integer('Consecutive failures needed to report unhealthy', { group: health }),
  'health-start-interval': duration('Time between running the check during the start period (ms|s|m|h)', {
    group: health,
  }),
  'health-start-period': duration('Time for the container to initialize before failures count (ms|s|m|h)', {
    group: health,
  }),
  'health-timeout': duration('Maximum time to allow one check to run (ms|s|m|h)', { group: health }),
  'restart-on-unhealthy': toggle('Start the container again when its health check finds it unhealthy', {
    group: health,
  }),
  'no-healthcheck': toggle('Disable any container-specified HEALTHCHECK', { group: health }),
} as const;

const advancedFlags = {
  label: list('Set meta data on a container', { short: 'l', group: advanced, check: checkLabel }),
  'label-file': list('Read in a line delimited file of labels', { group: advanced }),
  annotation: list('Add an annotation to the container (passed through to the OCI runtime)', {
    type: 'map',
    group: advanced,
  }),
  'log-driver': text('Logging driver for the container', { group: advanced }),
  'log-opt': list('Log driver options', { group: advanced }),
  cidfile: text('Write the container ID to the file', { group: advanced }),
  'disable-content-trust': toggle('Skip image verification', { initial: true, group: advanced }),
  'cpu-count': integer('CPU count (Windows only)', { group: advanced, hidden: true }),
  'cpu-percent': integer('CPU percent (Windows only)', { group: advanced, hidden: true }),
  'io-maxbandwidth': bytes('Maximum IO bandwidth limit for the system drive (Windows only)', {
    group: advanced,
    hidden: true,
  }),
  'io-maxiops': integer('Maximum IOps limit for the system drive (Windows only)', {
    type: 'uint',
    group: advanced,
    hidden: true,
    least: 0,
  }),
} as const;

export const containerFlags = {
  ...processFlags,
  ...storageFlags,
  ...networkFlags,
  ...resourceFlags,
  ...isolationFlags,
  ...healthFlags,
  ...advancedFlags,
} as const;

export type ContainerFlags = FlagValues<typeof containerFlags>;

/** The flags about the image and the container's name. */
export const imageFlags = {
  name: text('Assign a name to the container'),
  platform: text('Set platform if server is multi-platform capable'),
  pull: text('Pull image before creating ("always", "missing", "never")', { initial: 'missing' }),
  quiet: toggle('Suppress the pull output', { short: 'q' }),
} as const;
