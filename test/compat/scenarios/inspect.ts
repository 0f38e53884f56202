/** Containers of many kinds, as the API shows them: in lists, in inspections, before, while and after they run. */
import type { Scenario, Side } from '../side.ts';

/** One container for each of these ways to make it. */
const kinds: Record<string, readonly string[]> = {
  plain: [],
  terminal: ['-it'],
  interactive: ['-i'],
  ports: [
    '-p',
    '18080:80',
    '-p',
    '127.0.0.1:18081:81/udp',
    '-p',
    '82',
    '--expose',
    '90',
    '--expose',
    '91/udp',
  ],
  'publish all': ['-P', '--expose', '70'],
  'port range': ['-p', '18100-18102:100-102'],
  volumes: ['-v', '/anonymous', '-v', 'compat-named:/named:ro', '-v', '/usr/share:/bound:ro,rprivate'],
  mounts: [
    '--mount',
    'type=volume,source=compat-mounted,target=/mounted',
    '--mount',
    'type=bind,source=/usr/share,target=/bound,readonly',
    '--mount',
    'type=tmpfs,target=/memory,tmpfs-size=1m',
  ],
  tmpfs: ['--tmpfs', '/scratch', '--tmpfs', '/small:size=64k,mode=1770'],
  limits: [
    '--memory',
    '64m',
    '--memory-reservation',
    '32m',
    '--cpus',
    '0.5',
    '--cpu-shares',
    '512',
    '--cpuset-cpus',
    '0',
    '--pids-limit',
    '50',
    '--ulimit',
    'nofile=100:200',
    '--shm-size',
    '32m',
    '--blkio-weight',
    '300',
  ],
  'cpu quota': ['--cpu-period', '50000', '--cpu-quota', '25000', '--cpuset-mems', '0'],
  'network host': ['--network', 'host'],
  'network none': ['--network', 'none'],
  'network bridge': ['--network', 'bridge'],
  labels: ['--label', 'a=b', '--label', 'empty', '-e', 'A=B', '-e', 'C='],
  health: ['--health-cmd', 'true', '--health-interval', '5s', '--health-retries', '2'],
  'no health': ['--no-healthcheck'],
  'restart always': ['--restart', 'always'],
  'restart on failure': ['--restart', 'on-failure:3'],
  'restart unless stopped': ['--restart', 'unless-stopped'],
  init: ['--init'],
  user: ['--user', 'nobody', '--group-add', 'wheel', '-w', '/tmp'],
  names: [
    '--hostname',
    'here',
    '--domainname',
    'example.test',
    '--add-host',
    'other:1.2.3.4',
    '--dns',
    '1.1.1.1',
    '--dns-search',
    'example.test',
    '--dns-option',
    'ndots:2',
  ],
  security: [
    '--cap-add',
    'NET_ADMIN',
    '--cap-drop',
    'MKNOD',
    '--security-opt',
    'no-new-privileges',
    '--read-only',
  ],
  unconfined: ['--security-opt', 'seccomp=unconfined', '--security-opt', 'systempaths=unconfined'],
  'shared namespaces': ['--pid', 'host', '--ipc', 'host', '--uts', 'host', '--cgroupns', 'host'],
  'ipc shareable': ['--ipc', 'shareable'],
  'ipc none': ['--ipc', 'none'],
  device: ['--device', '/dev/null:/dev/other:r', '--device-cgroup-rule', 'c 1:3 rwm'],
  sysctl: ['--sysctl', 'net.ipv4.ip_forward=1'],
  stop: ['--stop-signal', 'SIGINT', '--stop-timeout', '3'],
  entrypoint: ['--entrypoint', 'sleep'],
  logging: ['--log-opt', 'max-size=1m', '--log-opt', 'max-file=2'],
  'no logging': ['--log-driver', 'none'],
  oom: ['--oom-score-adj', '100', '--memory', '64m', '--oom-kill-disable'],
  'swap off': ['--memory', '64m', '--memory-swap', '64m', '--memory-swappiness', '0'],
  mac: ['--mac-address', '02:42:ac:11:00:63'],
  link: ['--network', 'bridge', '--link', 'compat-peer:peer'],
  'container network': ['--network', 'container:compat-peer'],
  'container namespaces': ['--pid', 'container:compat-peer', '--ipc', 'container:compat-peer'],
  'volumes from': ['--volumes-from', 'compat-peer:ro'],
  'cgroup parent': ['--cgroup-parent', '/compat-parent'],
  runtime: ['--runtime', 'runc'],
  'auto remove': ['--rm'],
  'auto remove and volume': ['--rm', '-v', '/gone'],
};

async function inspectKind(side: Side, kind: string, flags: readonly string[]): Promise<void> {
  const command = kind === 'entrypoint' ? ['busybox', '600'] : ['busybox', 'sleep', '600'];
  const created = await side.docker(['create', '--name', 'compat-it', ...flags, ...command]);
  side.note(`${kind}: create`, created);
  if (created.code !== 0) return;
  await side.json(`${kind}: created`, '/containers/compat-it/json');
  const filters = encodeURIComponent(JSON.stringify({ name: ['compat-it'] }));
  await side.json(`${kind}: created, listed`, `/containers/json?all=1&filters=${filters}`);
  await side.request(`${kind}: start`, 'POST', '/containers/compat-it/start');
  await side.json(`${kind}: running`, '/containers/compat-it/json');
  await side.json(`${kind}: running, listed`, `/containers/json?all=1&filters=${filters}`);
  await side.request(`${kind}: kill`, 'POST', '/containers/compat-it/kill');
  if (!kind.startsWith('auto remove')) {
    await side.request(`${kind}: wait`, 'POST', '/containers/compat-it/wait?condition=not-running');
    await side.json(`${kind}: ended`, '/containers/compat-it/json');
    await side.json(`${kind}: ended, listed`, `/containers/json?all=1&filters=${filters}`);
  }
  await side.docker(['rm', '-fv', 'compat-it']);
}

/** Bodies as other clients than docker send them: hardly a field, or many that are null or empty. */
const bodies: Record<string, unknown> = {
  minimal: { Image: 'busybox' },
  'with host config': { Image: 'busybox', Cmd: ['true'], HostConfig: {} },
  'string command': { Image: 'busybox', Cmd: 'echo a b', Entrypoint: '/bin/env' },
  'empty lists': {
    Image: 'busybox',
    Cmd: [],
    Entrypoint: [],
    Env: [],
    Labels: {},
    Volumes: {},
    ExposedPorts: {},
    HostConfig: {
      Binds: [],
      PortBindings: {},
      VolumesFrom: [],
      CapAdd: [],
      CapDrop: [],
      Dns: [],
      DnsOptions: [],
      DnsSearch: [],
      ExtraHosts: [],
      GroupAdd: [],
      Links: [],
      SecurityOpt: [],
      BlkioWeightDevice: [],
      BlkioDeviceReadBps: [],
      Devices: [],
      DeviceCgroupRules: [],
      DeviceRequests: [],
      Ulimits: [],
      Mounts: [],
      Tmpfs: {},
      Sysctls: {},
      StorageOpt: {},
      MaskedPaths: [],
      ReadonlyPaths: [],
    },
    NetworkingConfig: { EndpointsConfig: {} },
  },
  nulls: {
    Image: 'busybox',
    Cmd: null,
    Env: null,
    Labels: null,
    HostConfig: { Binds: null, PortBindings: null, RestartPolicy: null, LogConfig: null, PidsLimit: null },
    NetworkingConfig: null,
  },
  privileged: { Image: 'busybox', HostConfig: { Privileged: true } },
  zeros: {
    Image: 'busybox',
    HostConfig: {
      MemorySwappiness: -1,
      PidsLimit: -1,
      OomKillDisable: false,
      ShmSize: 0,
      CpuShares: 0,
      Init: false,
    },
  },
  'port bindings': {
    Image: 'busybox',
    ExposedPorts: { '80': {}, '81/tcp': {} },
    HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '' }], '83/udp': null, '84/tcp': [] } },
  },
  'health fields': {
    Image: 'busybox',
    Healthcheck: { Test: ['CMD', 'true'], Interval: 1000000000, StartPeriod: 2000000 },
  },
  'unknown fields': { Image: 'busybox', Nonsense: 1, HostConfig: { Nonsense: { A: [] } } },
};

async function inspectRaw(side: Side): Promise<void> {
  for (const [kind, body] of Object.entries(bodies)) {
    await side.request(`raw ${kind}: create`, 'POST', '/containers/create?name=compat-raw', body);
    await side.json(`raw ${kind}: created`, '/containers/compat-raw/json');
    await side.request(`raw ${kind}: remove`, 'DELETE', '/containers/compat-raw?v=1');
  }
}

export const inspectContainers: Scenario = async (side) => {
  await side.ok([
    'run',
    '-d',
    '--name',
    'compat-peer',
    '-v',
    '/shared',
    '--ipc',
    'shareable',
    'busybox',
    'sleep',
    '900',
  ]);
  await inspectRaw(side);
  for (const [kind, flags] of Object.entries(kinds)) await inspectKind(side, kind, flags);
  for (const volume of ['compat-named', 'compat-mounted']) await side.docker(['volume', 'rm', '-f', volume]);
};
