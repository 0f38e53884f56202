/** A container with every field of the specification set: what is created so must be shown so. */

/** Fields of `Config`; `HostConfig` and `NetworkingConfig` are beside them. */
export function fullConfig(): Record<string, unknown> {
  return {
    Hostname: 'full',
    Domainname: 'example.org',
    User: '33:33',
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ExposedPorts: { '80/tcp': {}, '53/udp': {} },
    Tty: true,
    OpenStdin: true,
    StdinOnce: true,
    Env: ['A=1', 'B=two words', 'PATH=/bin'],
    Cmd: ['-c', 'sleep 600'],
    Healthcheck: {
      Test: ['CMD', 'true'],
      Interval: 3_000_000_000,
      Timeout: 2_000_000_000,
      Retries: 4,
      StartPeriod: 1_000_000_000,
      StartInterval: 500_000_000,
    },
    Image: 'busybox',
    Volumes: { '/anonymous': {} },
    WorkingDir: '/tmp',
    Entrypoint: ['sh'],
    OnBuild: ['RUN true'],
    Labels: { 'org.example': 'full' },
    StopSignal: 'SIGINT',
    StopTimeout: 7,
    Shell: ['/bin/sh', '-c'],
  };
}

/** What the document has and no Linux host uses, or what only older clients send. */
export const ignoredOnLinux = {
  ArgsEscaped: false,
  NetworkDisabled: false,
  HostConfig: {
    KernelMemoryTCP: 0,
    CpuCount: 0,
    CpuPercent: 0,
    IOMaximumIOps: 0,
    IOMaximumBandwidth: 0,
    Isolation: 'default',
  },
} as const;

export function fullHostConfig(prefix: string): Record<string, unknown> {
  return { ...resources(), ...storage(prefix), ...isolation(), ...network() };
}

/** What can't stand beside the fields of `fullHostConfig`. */
export function otherHostConfig(prefix: string): Record<string, unknown> {
  const throttle = [{ Path: '/dev/null', Rate: 1_048_576 }];
  const read = { ReadOnly: true, Type: 'bind', Source: '/tmp' };
  return {
    NanoCpus: 500_000_000,
    BlkioWeightDevice: [{ Path: '/dev/null', Weight: 200 }],
    BlkioDeviceReadBps: throttle,
    BlkioDeviceWriteBps: throttle,
    BlkioDeviceReadIOps: throttle,
    BlkioDeviceWriteIOps: throttle,
    DeviceRequests: [
      { Driver: 'cdi', Count: 0, DeviceIDs: ['example.org/x=1'], Capabilities: [], Options: {} },
    ],
    Mounts: [
      { ...read, Target: '/plain', BindOptions: { ReadOnlyNonRecursive: true } },
      { ...read, Target: '/forced', BindOptions: { Propagation: 'rprivate', ReadOnlyForceRecursive: true } },
      { Type: 'volume', Source: `${prefix}-mounted`, Target: '/part', VolumeOptions: { Subpath: 'part' } },
    ],
    NetworkMode: 'bridge',
  };
}

/** A place on a network, with the fields too that only answers have. */
export function fullEndpoint(): Record<string, unknown> {
  return {
    IPAMConfig: {},
    Links: [],
    MacAddress: '02:42:ac:11:00:99',
    Aliases: [],
    DriverOpts: {},
    GwPriority: 0,
    NetworkID: '',
    EndpointID: '',
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    DNSNames: [],
  };
}

function resources(): Record<string, unknown> {
  return {
    CpuShares: 512,
    Memory: 64 * 1024 * 1024,
    MemoryReservation: 32 * 1024 * 1024,
    MemorySwap: 128 * 1024 * 1024,
    CgroupParent: '/full',
    CpuPeriod: 100_000,
    CpuQuota: 50_000,
    CpusetCpus: '0',
    CpusetMems: '0',
    Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/nothing', CgroupPermissions: 'rwm' }],
    DeviceCgroupRules: ['c 1:3 rmw'],
    OomKillDisable: false,
    PidsLimit: 100,
    Ulimits: [{ Name: 'nofile', Soft: 512, Hard: 1024 }],
    BlkioWeight: 0,
    BlkioWeightDevice: [],
    CpuRealtimePeriod: 0,
    CpuRealtimeRuntime: 0,
    Init: true,
  };
}

function storage(prefix: string): Record<string, unknown> {
  return {
    Binds: [`${prefix}-bound:/bound:ro`, '/tmp:/host-tmp:ro'],
    VolumeDriver: 'local',
    Mounts: [
      {
        Type: 'bind',
        Source: '/tmp',
        Target: '/bind',
        ReadOnly: true,
        Consistency: 'default',
        BindOptions: { Propagation: 'rprivate', NonRecursive: true, CreateMountpoint: true },
      },
      {
        Type: 'volume',
        Source: `${prefix}-mounted`,
        Target: '/volume',
        VolumeOptions: {
          NoCopy: true,
          Labels: { a: 'b' },
          DriverConfig: { Name: 'local', Options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m' } },
        },
      },
      { Type: 'tmpfs', Target: '/tmpfs', TmpfsOptions: { SizeBytes: 1_048_576, Mode: 0o700 } },
    ],
    Tmpfs: { '/run': 'rw,size=64k' },
    ShmSize: 33_554_432,
    LogConfig: { Type: 'json-file', Config: { 'max-size': '1m', 'max-file': '2' } },
    ContainerIDFile: '/nowhere/cid',
    AutoRemove: false,
    ReadonlyRootfs: true,
  };
}

function isolation(): Record<string, unknown> {
  return {
    CapAdd: ['CAP_NET_ADMIN'],
    CapDrop: ['CAP_MKNOD'],
    CgroupnsMode: 'host',
    GroupAdd: ['100'],
    IpcMode: 'private',
    Cgroup: '',
    OomScoreAdj: 100,
    PidMode: 'host',
    Privileged: false,
    SecurityOpt: ['no-new-privileges'],
    UTSMode: '',
    UsernsMode: '',
    Sysctls: { 'net.ipv4.ip_forward': '1' },
    MaskedPaths: ['/proc/kcore'],
    ReadonlyPaths: ['/proc/sys'],
    ConsoleSize: [24, 80],
    Annotations: { 'org.example.note': 'full' },
  };
}

function network(): Record<string, unknown> {
  return {
    NetworkMode: 'bridge',
    PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '48080' }] },
    PublishAllPorts: true,
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
    Dns: ['192.0.2.53'],
    DnsOptions: ['ndots:2'],
    DnsSearch: ['example.org'],
    ExtraHosts: ['other:192.0.2.1'],
  };
}
