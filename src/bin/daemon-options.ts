/** Every option of gantryd, under dockerd's names: the flag, the key in daemon.json, and what kind of value it takes. */

export type OptionKind =
  | 'any'
  | 'text'
  | 'integer'
  | 'boolean'
  | 'list'
  | 'map'
  | 'lists'
  | 'maps'
  | 'pools'
  | 'bytes'
  | 'runtimes'
  | 'ulimits';

export interface DaemonOption {
  /** Key in daemon.json. */
  key: string;
  /** For commander, without the value; undefined where daemon.json alone has it. */
  flags?: string;
  kind: OptionKind;
  help: string;
  /** Taken over by SIGHUP. */
  reloads?: true;
  /** Accepted for the sake of existing set-ups, and without effect: Gantry has nothing to switch there. */
  ignored?: true;
  /** Gantry can do it in one way only: any other value is refused with this sentence. */
  only?: { value: string | boolean; sentence: string };
}

export const daemonOptions: readonly DaemonOption[] = [
  { key: 'add-runtime', flags: '--add-runtime', kind: 'list', help: 'Register an OCI runtime: NAME=PATH' },
  { key: 'bip', flags: '--bip', kind: 'text', help: 'Address and prefix length of the bridge' },
  { key: 'bridge', flags: '-b, --bridge', kind: 'text', help: 'Name of the bridge' },
  {
    key: 'cdi-spec-dirs',
    flags: '--cdi-spec-dir',
    kind: 'list',
    help: 'Directory of CDI documents, which describe devices (default /etc/cdi and /var/run/cdi)',
  },
  {
    key: 'cgroup-favordynmods',
    flags: '--cgroup-favordynmods',
    kind: 'boolean',
    help: 'Let the kernel favour changing cgroups: each start is 10 to 20 ms faster',
  },
  { key: 'cgroup-parent', flags: '--cgroup-parent', kind: 'text', help: 'Parent cgroup of all containers' },
  {
    key: 'data-root',
    flags: '--data-root',
    kind: 'text',
    help: 'Where images, containers and volumes are kept',
  },
  { key: 'debug', flags: '-D, --debug', kind: 'boolean', help: 'Log more', reloads: true },
  {
    key: 'default-address-pools',
    flags: '--default-address-pool',
    kind: 'pools',
    help: 'Where subnets of networks come from: base=CIDR,size=PREFIX',
  },
  {
    key: 'default-cgroupns-mode',
    flags: '--default-cgroupns-mode',
    kind: 'text',
    help: 'Cgroup namespace of containers: private or host',
  },
  {
    key: 'default-ipc-mode',
    flags: '--default-ipc-mode',
    kind: 'text',
    help: 'IPC namespace of containers: private or shareable',
  },
  {
    key: 'default-runtime',
    flags: '--default-runtime',
    kind: 'text',
    help: 'OCI runtime of containers that name none',
    reloads: true,
  },
  {
    key: 'default-shm-size',
    flags: '--default-shm-size',
    kind: 'bytes',
    help: 'Size of /dev/shm',
    reloads: true,
  },
  {
    key: 'default-ulimits',
    flags: '--default-ulimit',
    kind: 'ulimits',
    help: 'Resource limit of containers: NAME=SOFT[:HARD]',
  },
  {
    key: 'default-network-opts',
    flags: '--default-network-opt',
    kind: 'maps',
    help: 'Option of new networks: DRIVER=KEY=VALUE',
    reloads: true,
  },
  { key: 'dns', flags: '--dns', kind: 'list', help: 'Name server of containers', reloads: true },
  { key: 'dns-opts', flags: '--dns-opt', kind: 'list', help: 'Resolver option of containers', reloads: true },
  {
    key: 'dns-search',
    flags: '--dns-search',
    kind: 'list',
    help: 'Search domain of containers',
    reloads: true,
  },
  { key: 'exec-opts', flags: '--exec-opt', kind: 'list', help: 'native.cgroupdriver=cgroupfs or =systemd' },
  {
    key: 'exec-root',
    flags: '--exec-root',
    kind: 'text',
    help: 'Where the state of running containers is kept',
  },
  {
    key: 'experimental',
    flags: '--experimental',
    kind: 'boolean',
    help: "Let docker's command line make checkpoints",
  },
  { key: 'features', kind: 'any', help: 'Without effect', ignored: true },
  {
    key: 'firewall-backend',
    flags: '--firewall-backend',
    kind: 'text',
    help: 'What writes the rules of the firewall: nftables or iptables (default nftables where it can be used)',
  },
  {
    key: 'fixed-cidr',
    flags: '--fixed-cidr',
    kind: 'text',
    help: 'Part of the subnet that containers get addresses from',
  },
  { key: 'fixed-cidr-v6', flags: '--fixed-cidr-v6', kind: 'text', help: 'IPv6 subnet of containers' },
  { key: 'group', flags: '-G, --group', kind: 'text', help: 'Group that may use the UNIX socket' },
  {
    key: 'hosts',
    flags: '-H, --host',
    kind: 'list',
    help: 'Where to listen: unix://PATH, tcp://HOST:PORT or fd:// (systemd)',
  },
  {
    key: 'http-proxy',
    flags: '--http-proxy',
    kind: 'text',
    help: 'Proxy to registries without TLS, in place of $HTTP_PROXY',
    reloads: true,
  },
  {
    key: 'https-proxy',
    flags: '--https-proxy',
    kind: 'text',
    help: 'Proxy to registries with TLS, in place of $HTTPS_PROXY',
    reloads: true,
  },
  { key: 'icc', flags: '--icc', kind: 'boolean', help: 'Let containers on the bridge reach each other' },
  { key: 'init', flags: '--init', kind: 'boolean', help: 'Run an init in each container' },
  { key: 'init-path', flags: '--init-path', kind: 'text', help: 'The init program' },
  {
    key: 'insecure-registries',
    flags: '--insecure-registry',
    kind: 'list',
    help: 'Registry without (valid) TLS',
    reloads: true,
  },
  {
    key: 'ip',
    flags: '--ip',
    kind: 'text',
    help: 'Host address of published ports that name none',
    reloads: true,
  },
  { key: 'ip-forward', flags: '--ip-forward', kind: 'boolean', help: 'Enable IP forwarding', ignored: true },
  {
    key: 'ip-masq',
    flags: '--ip-masq',
    kind: 'boolean',
    help: "Masquerade the bridge's addresses",
    only: {
      value: true,
      sentence: 'ip-masq=false is not supported by Gantry: the bridge is always masqueraded',
    },
  },
  {
    key: 'ip6tables',
    flags: '--ip6tables',
    kind: 'boolean',
    help: 'Without effect: see --firewall-backend',
    ignored: true,
  },
  {
    key: 'iptables',
    flags: '--iptables',
    kind: 'boolean',
    help: 'Without effect: see --firewall-backend',
    ignored: true,
  },
  { key: 'ipv6', flags: '--ipv6', kind: 'boolean', help: 'Give containers IPv6 addresses too' },
  { key: 'labels', flags: '--label', kind: 'list', help: 'Label of the daemon: KEY=VALUE', reloads: true },
  {
    key: 'live-restore',
    flags: '--live-restore',
    kind: 'boolean',
    help: 'Without effect: containers always outlive the daemon',
    reloads: true,
  },
  { key: 'log-driver', flags: '--log-driver', kind: 'text', help: 'Log driver of containers that name none' },
  {
    key: 'log-format',
    flags: '--log-format',
    kind: 'text',
    help: "Format of the daemon's own log: text or json",
  },
  { key: 'log-level', flags: '-l, --log-level', kind: 'text', help: 'debug, info, warn, error or fatal' },
  { key: 'log-opts', flags: '--log-opt', kind: 'map', help: 'Option of the log driver: KEY=VALUE' },
  {
    key: 'max-concurrent-downloads',
    flags: '--max-concurrent-downloads',
    kind: 'integer',
    help: 'Layers pulled at a time',
  },
  {
    key: 'max-concurrent-uploads',
    flags: '--max-concurrent-uploads',
    kind: 'integer',
    help: 'Layers pushed at a time',
  },
  {
    key: 'max-download-attempts',
    flags: '--max-download-attempts',
    kind: 'integer',
    help: 'Tries at a layer before a pull fails',
  },
  {
    key: 'undo-retention',
    flags: '--undo-retention',
    kind: 'text',
    help: 'How long removed containers and volumes can be restored, as in 30m or 12h; 0 for not at all',
    reloads: true,
  },
  {
    key: 'undo-budget',
    flags: '--undo-budget',
    kind: 'bytes',
    help: 'How much of the disk they may take meanwhile',
    reloads: true,
  },
  {
    key: 'max-layer-expansion',
    flags: '--max-layer-expansion',
    kind: 'integer',
    help: 'How many times its compressed size a layer may have, above 1 GiB',
  },
  {
    key: 'mtu',
    flags: '--mtu',
    kind: 'integer',
    help: "MTU of the bridge and of the containers' interfaces",
  },
  { key: 'nft-table', flags: '--nft-table', kind: 'text', help: 'Name of the nftables table' },
  {
    key: 'no-new-privileges',
    flags: '--no-new-privileges',
    kind: 'boolean',
    help: 'Set no-new-privileges for containers by default',
  },
  {
    key: 'no-proxy',
    flags: '--no-proxy',
    kind: 'text',
    help: 'Hosts that no proxy is asked for, in place of $NO_PROXY',
    reloads: true,
  },
  { key: 'pidfile', flags: '-p, --pidfile', kind: 'text', help: "The daemon's PID file" },
  {
    key: 'registry-certs-dirs',
    flags: '--registry-certs-dir',
    kind: 'list',
    help: 'Folder with certificates for registries: HOST:PORT/{*.crt,*.cert,*.key}',
    reloads: true,
  },
  {
    key: 'registry-addr',
    flags: '--registry-addr',
    kind: 'text',
    help: "Serve the engine's own store as a registry on this address: HOST:PORT",
  },
  {
    key: 'registry-mirrors',
    flags: '--registry-mirror',
    kind: 'list',
    help: 'Mirror of Docker Hub',
    reloads: true,
  },
  {
    key: 'registry-mirrors-for',
    kind: 'lists',
    help: 'Mirrors of other registries: {"ghcr.io": ["https://mirror.example.com"]}',
    reloads: true,
  },
  {
    key: 'runtime-timeout',
    flags: '--runtime-timeout',
    kind: 'integer',
    help: 'Seconds that an OCI runtime may take to start a process; 0 for ever',
  },
  { key: 'runtimes', kind: 'runtimes', help: 'OCI runtimes by name', reloads: true },
  {
    key: 'seccomp-profile',
    flags: '--seccomp-profile',
    kind: 'text',
    help: 'Path of the default seccomp profile, or unconfined',
  },
  {
    key: 'shutdown-timeout',
    flags: '--shutdown-timeout',
    kind: 'integer',
    help: 'Without effect: containers outlive the daemon',
    ignored: true,
  },
  {
    key: 'storage-driver',
    flags: '-s, --storage-driver',
    kind: 'text',
    help: 'overlay2 or overlay, which are the same here',
  },
  { key: 'storage-opts', flags: '--storage-opt', kind: 'list', help: 'Without effect', ignored: true },
  { key: 'tls', flags: '--tls', kind: 'boolean', help: 'Use TLS; must be false for TCP without it' },
  {
    key: 'tlscacert',
    flags: '--tlscacert',
    kind: 'text',
    help: 'Trust client certificates signed by this authority',
  },
  { key: 'tlscert', flags: '--tlscert', kind: 'text', help: 'Certificate of the daemon' },
  { key: 'tlskey', flags: '--tlskey', kind: 'text', help: 'Key of the daemon' },
  {
    key: 'tlsverify',
    flags: '--tlsverify',
    kind: 'boolean',
    help: 'Use TLS and demand client certificates; false for TLS without',
  },
  {
    key: 'userland-proxy',
    flags: '--userland-proxy',
    kind: 'boolean',
    help: 'Without effect: published ports need no proxy',
    ignored: true,
  },
  {
    key: 'userns-remap',
    flags: '--userns-remap',
    kind: 'text',
    help: 'Not supported',
    only: {
      value: '',
      sentence: 'userns-remap is not supported by Gantry: containers share the user namespace of the host',
    },
  },
];

const byKey = new Map(daemonOptions.map((option) => [option.key, option]));

export function optionOf(key: string): DaemonOption | undefined {
  return byKey.get(key);
}
