/** Wrong requests written by hand: versions, ranges, conflicts and states, with Docker's words where clients match on them. */
import { present, type WrongRequest } from './wrong-request.ts';

const { idle, busy, paused, volume, image } = present;

function get(path: string, status: number, says: RegExp): WrongRequest {
  return { method: 'GET', path, status, says };
}

function post(path: string, status: number, says: RegExp, body?: unknown): WrongRequest {
  return { method: 'POST', path, status, says, ...(body === undefined ? {} : { body }) };
}

function remove(path: string, status: number, says: RegExp): WrongRequest {
  return { method: 'DELETE', path, status, says };
}

/** A container with one thing wrong in its `HostConfig`. */
function host(hostConfig: object, says: RegExp, status = 400): WrongRequest {
  return post('/containers/create', status, says, { Image: image, HostConfig: hostConfig });
}

function config(fields: object, says: RegExp, status = 400): WrongRequest {
  return post('/containers/create', status, says, { Image: image, ...fields });
}

const versions: WrongRequest[] = [
  get('/v1.99/info', 400, /^client version 1\.99 is too new\. Maximum supported API version is 1\.51/),
  get('/v2.0/info', 400, /client version 2\.0 is too new/),
  get('/v1.52/containers/json', 400, /client version 1\.52 is too new/),
  get('/v1.0/info', 400, /^client version 1\.0 is too old\. Minimum supported API version is 1\.24/),
  get('/v1.23/info', 400, /client version 1\.23 is too old/),
  get('/v0.1/info', 400, /too old/),
  post('/v1.99/containers/create', 400, /too new/, { Image: image }),
];

const routes: WrongRequest[] = [
  get('/nonsense', 404, /^page not found$/),
  get('/v1.51', 404, /^page not found$/),
  get('/v1.51/containers', 404, /^page not found$/),
  get('/containers/idle', 404, /^page not found$/),
  get('/containers//json', 404, /page not found|No such container/),
  get('/vx.y/info', 404, /^page not found$/),
  get('/../etc/passwd', 404, /^page not found$/),
  post('/info', 404, /^page not found$/),
  post('/containers/json', 404, /^page not found$/),
  get('/containers/%E0%A4%A/json', 400, /./),
  get('/containers/%00/json', 404, /No such container/),
  remove('/containers', 404, /^page not found$/),
];

const createBodies: WrongRequest[] = [
  post('/containers/create', 400, /^config cannot be empty in order to create a container$/),
  post('/containers/create', 400, /config cannot be empty/, 'null'),
  post('/containers/create?name=-bad', 400, /Invalid container name \(-bad\)/, { Image: image }),
  post('/containers/create?name=a/b', 400, /Invalid container name/, { Image: image }),
  post(
    `/containers/create?name=${idle}`,
    409,
    /^Conflict\. The container name "\/idle" is already in use by container/,
    { Image: image },
  ),
  post('/containers/create?platform=plan9', 404, /platform|operating system/i, { Image: image }),
  post('/containers/create?platform=linux/nonsense', 404, /platform|No such image/i, { Image: image }),
  config({ Image: 'nowhere' }, /^No such image: nowhere:latest/, 404),
  config({ Image: '' }, /image|reference/i),
  config({ Image: 'x/UPPER' }, /invalid reference format/),
  config({ Image: 'a:b:c' }, /invalid reference format/),
  config({ ExposedPorts: { nonsense: {} } }, /port/i),
  config({ ExposedPorts: { '80/nonsense': {} } }, /port/i),
  config({ ExposedPorts: { '99999/tcp': {} } }, /port/i),
  config({ Env: ['=x'] }, /invalid environment variable/),
  config({ Env: [''] }, /invalid environment variable/),
  config({ StopSignal: 'NONSENSE' }, /invalid signal: NONSENSE/i),
  config({ WorkingDir: 'relative' }, /the working directory 'relative' is invalid/),
  config({ Hostname: 'a b' }, /invalid hostname/i),
  config(
    { Healthcheck: { Test: ['CMD', 'true'], Interval: 5 } },
    /Interval in Healthcheck cannot be less than/,
  ),
  config({ Healthcheck: { Retries: -1 } }, /Retries in Healthcheck cannot be negative/),
];

const hostConfigs: WrongRequest[] = [
  host({ Memory: 1000 }, /^Minimum memory limit allowed is 6MB/),
  host(
    { Memory: 8_000_000, MemorySwap: 7_000_000 },
    /Minimum memoryswap limit should be larger than memory limit/,
  ),
  host({ MemorySwap: 8_000_000 }, /You should always set the Memory limit when using Memoryswap limit/),
  host(
    { Memory: 8_000_000, MemoryReservation: 9_000_000 },
    /Minimum memory limit can not be less than memory reservation limit/,
  ),
  host({ MemorySwappiness: 101 }, /^invalid value: 101, valid memory swappiness range is 0-100/i),
  host({ NanoCpus: -1 }, /range of CPUs/i),
  host({ NanoCpus: 1e15 }, /range of CPUs is from 0\.01/i),
  host({ NanoCpus: 1e9, CpuQuota: 1000 }, /Conflicting options: (?:Nano CPUs|CPU Quota)/i),
  host({ CpuShares: -1 }, /CPU shares/i),
  host({ CpuPeriod: 10 }, /CPU cfs period can not be less than 1ms/i),
  host({ CpuQuota: 10 }, /CPU cfs quota can not be less than 1ms/i),
  host({ CpusetCpus: '99' }, /Requested CPUs are not available/i),
  host({ CpusetCpus: 'x' }, /Invalid value x for cpuset cpus/i),
  host({ CpusetMems: '99' }, /Requested memory nodes are not available/i),
  host({ BlkioWeight: 5 }, /Range of blkio weight is from 10 to 1000/i),
  host({ OomScoreAdj: 1001 }, /Invalid value 1001, range for oom score adj is \[-1000, 1000\]/i),
  host({ ShmSize: -1 }, /SHM size/i),
  host({ CapAdd: ['NONSENSE'] }, /invalid CapAdd: unknown capability: "CAP_NONSENSE"|unknown capability/i),
  host({ CapDrop: ['NONSENSE'] }, /unknown capability/i),
  host({ RestartPolicy: { Name: 'nonsense' } }, /invalid restart policy: unknown policy 'nonsense'/),
  host(
    { RestartPolicy: { Name: 'always', MaximumRetryCount: 2 } },
    /maximum retry count can(?:no|')t be used with restart policy 'always'|maximum retry count/i,
  ),
  host(
    { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: -1 } },
    /maximum retry count cannot be negative/,
  ),
  host(
    { AutoRemove: true, RestartPolicy: { Name: 'always' } },
    /can't create 'AutoRemove' container with restart policy/i,
  ),
  host({ NetworkMode: 'container:nobody' }, /No such container: nobody/),
  host({ PidMode: 'nonsense' }, /invalid PID mode|pid mode/i),
  host({ IpcMode: 'nonsense' }, /IPC mode/i),
  host({ UTSMode: 'nonsense' }, /UTS mode/i),
  host({ UsernsMode: 'nonsense' }, /user ?ns|user namespace/i),
  host({ CgroupnsMode: 'nonsense' }, /cgroup namespace mode/i),
  host({ LogConfig: { Type: 'nonsense' } }, /nonsense/),
  host({ LogConfig: { Type: 'json-file', Config: { nonsense: '1' } } }, /unknown log opt 'nonsense'/),
  host({ LogConfig: { Type: 'json-file', Config: { 'max-size': 'x' } } }, /max-size|invalid size/i),
  host({ Runtime: 'nonsense' }, /unknown or invalid runtime name: nonsense/i),
  host({ SecurityOpt: ['nonsense'] }, /security-opt/i),
  host({ SecurityOpt: ['seccomp={'] }, /seccomp/i),
  host({ Sysctls: { nonsense: '1' } }, /sysctl/i),
  host({ Ulimits: [{ Name: 'nonsense', Soft: 1, Hard: 1 }] }, /ulimit/i),
  host(
    { Ulimits: [{ Name: 'nofile', Soft: 2, Hard: 1 }] },
    /ulimit soft limit must be less than or equal to hard limit/,
  ),
  host({ Binds: ['/tmp:relative'] }, /invalid mount path: 'relative' mount path must be absolute/),
  host({ Binds: ['/tmp:/x:nonsense'] }, /invalid mode: nonsense/),
  host({ Binds: ['/tmp:/x', '/tmp:/x'] }, /Duplicate mount point: \/x/),
  host({ Binds: ['/tmp:/'] }, /destination can't be '\/'/),
  host({ Binds: ['a b:/x'] }, /volume name/i),
  host({ Mounts: [{ Type: 'nonsense', Target: '/x' }] }, /mount type unknown/),
  host(
    { Mounts: [{ Type: 'bind', Source: '/no/such', Target: '/x' }] },
    /bind source path does not exist: \/no\/such/,
  ),
  host({ Mounts: [{ Type: 'bind', Source: 'relative', Target: '/x' }] }, /mount path must be absolute/),
  host({ Mounts: [{ Type: 'bind', Target: '/x' }] }, /field Source must not be empty/),
  host({ Mounts: [{ Type: 'volume' }] }, /field Target must not be empty/),
  host({ Mounts: [{ Type: 'tmpfs', Source: '/x', Target: '/x' }] }, /field Source must not be specified/),
  host(
    { Mounts: [{ Type: 'bind', Source: '/tmp', Target: '/x', VolumeOptions: {} }] },
    /field VolumeOptions must not be specified/,
  ),
  host({ Tmpfs: { relative: '' } }, /invalid mount path|absolute/i),
  host({ Tmpfs: { '/x': 'nonsense' } }, /invalid tmpfs option/i),
  host({ VolumesFrom: ['nobody'] }, /No such container: nobody/),
  host({ VolumesFrom: [''] }, /volumes-?from|malformed/i),
  host({ Links: ['nobody:x'] }, /nobody/),
  host({ PortBindings: { nonsense: [{ HostPort: '80' }] } }, /port/i),
  host({ PortBindings: { '80/tcp': [{ HostPort: 'x' }] } }, /port/i),
  host({ PortBindings: { '80/tcp': [{ HostIp: 'x', HostPort: '80' }] } }, /IP/i),
  host({ ExtraHosts: ['nonsense'] }, /bad format for add-host|extra.?host/i),
  host({ DeviceCgroupRules: ['nonsense'] }, /invalid device cgroup rule format: 'nonsense'/i),
  host({ Isolation: 'nonsense' }, /isolation/i),
  host({ VolumeDriver: 'no-such-driver', Binds: ['abc:/x'] }, /no-such-driver/),
];

const states: WrongRequest[] = [
  post(`/containers/${idle}/kill`, 409, /container [0-9a-f]+ is not running/i),
  post(`/containers/${idle}/pause`, 409, /is not running/),
  post(`/containers/${idle}/unpause`, 409, /is not paused/),
  post(`/containers/${busy}/unpause`, 409, /is not paused/),
  post(`/containers/${paused}/pause`, 409, /is already paused/),
  post(`/containers/${paused}/exec`, 409, /is paused, unpause the container before exec/, { Cmd: ['true'] }),
  post(`/containers/${idle}/exec`, 409, /is not running/, { Cmd: ['true'] }),
  post(`/containers/${busy}/exec`, 400, /No exec command specified/, {}),
  post(`/containers/${idle}/resize?h=1&w=1`, 409, /is not running/),
  get(`/containers/${idle}/top`, 409, /is not running/),
  post(`/containers/${busy}/kill?signal=NONSENSE`, 400, /invalid signal: NONSENSE/i),
  post(`/containers/${busy}/kill?signal=99`, 400, /does not support signal 99/),
  post(`/containers/${busy}/stop?signal=NONSENSE`, 400, /invalid signal: NONSENSE/i),
  post(`/containers/${busy}/wait?condition=never`, 400, /invalid condition: "never"/),
  post(`/containers/${busy}/rename`, 400, /name/i),
  post(`/containers/${busy}/rename?name=${idle}`, 409, /The container name "\/idle" is already in use/),
  post(`/containers/${busy}/rename?name=-x`, 400, /Invalid container name/),
  post(`/containers/${busy}/rename?name=${busy}`, 400, /new name.*same|same name/i),
  remove(
    `/containers/${busy}`,
    409,
    /container is running: stop the container before removing or force remove/,
  ),
  remove(`/containers/${paused}`, 409, /container is paused|is running/),
  get(`/containers/${busy}/logs`, 400, /^Bad parameters: you must choose at least one stream/),
  get(`/containers/${busy}/logs?stdout=1&since=nonsense`, 400, /nonsense/),
  post(
    `/containers/${busy}/attach?stream=1&stdout=1&detachKeys=nonsense-x`,
    400,
    /Invalid escape keys \(nonsense-x\)/,
  ),
];

const others: WrongRequest[] = [
  get('/events?since=nonsense', 400, /nonsense/),
  get('/events?until=nonsense', 400, /nonsense/),
  get('/events?since=200&until=100', 400, /`since` time \(200\) cannot be after `until` time \(100\)/),
  get('/system/df?type=nonsense', 400, /unknown object type: nonsense/),
  get('/images/search', 400, /term/),
  get('/images/search?term=127.0.0.1:9/x&limit=101', 400, /limit 101 is outside the range of \[1, 100\]/),
  post('/images/create', 400, /fromImage|fromSrc/),
  post('/images/create?fromImage=UPPER', 400, /invalid reference format/),
  post('/images/create?fromImage=127.0.0.1:9/x&tag=a%20b', 400, /invalid (?:tag|reference) format/),
  post('/images/busybox/tag?repo=', 400, /./),
  post('/images/busybox/tag?repo=UPPER', 400, /invalid reference format/),
  post('/images/busybox/tag?repo=ok&tag=-', 400, /invalid (?:tag|reference) format/),
  post(
    `/images/busybox/tag?repo=${'a'.repeat(300)}`,
    400,
    /invalid reference format|repository name must not be/,
  ),
  get('/images/a:b:c/json', 400, /invalid reference format/),
  remove('/images/busybox', 409, /conflict: unable to (?:remove repository reference|delete)/),
  remove('/images/busybox?platforms=nonsense%7B', 400, /platform/),
  get('/images/get?names=nobody', 404, /No such image: nobody/),
  post('/commit', 400, /./, {}),
  post('/commit?container=nobody', 404, /No such container: nobody/, {}),
  post(`/commit?container=${idle}&repo=UPPER`, 400, /invalid reference format/, {}),
  post(`/commit?container=${idle}&changes=FROM%20x`, 400, /FROM is not a valid change command/i, {}),
  post('/volumes/create', 400, /includes invalid characters for a local volume name/, { Name: 'a/b' }),
  post('/volumes/create', 400, /volume name is too short/, { Name: 'a' }),
  post('/volumes/create', 404, /no-such-driver/, { Name: 'abc', Driver: 'no-such-driver' }),
  post('/volumes/create', 400, /invalid option|nonsense/, { Name: 'abc', DriverOpts: { nonsense: 'x' } }),
  post('/volumes/create', 409, /volume|exists/, {
    Name: volume,
    Driver: 'local',
    DriverOpts: { type: 'tmpfs', device: 'tmpfs' },
  }),
  remove(`/volumes/${volume}`, 409, /volume is in use - \[[0-9a-f]{64}/),
  remove('/networks/bridge', 403, /bridge is a pre-defined network and cannot be removed/),
  remove('/networks/host', 403, /host is a pre-defined network and cannot be removed/),
  post('/networks/create', 400, /name/i, {}),
  post('/networks/create', 403, /operation is not permitted on predefined bridge network|pre-?defined/i, {
    Name: 'bridge',
  }),
  post('/networks/create', 404, /no-such-driver/, { Name: 'abc', Driver: 'no-such-driver' }),
  post('/networks/create', 400, /invalid|subnet|CIDR/i, { Name: 'abc', IPAM: { Config: [{ Subnet: 'x' }] } }),
  post('/networks/bridge/connect', 404, /No such container: nobody/, { Container: 'nobody' }),
  post('/networks/bridge/disconnect', 404, /No such container: nobody/, { Container: 'nobody' }),
  post('/auth', 400, /./),
  {
    method: 'PUT',
    path: '/volumes/present-volume?version=1',
    body: {},
    status: 503,
    says: /not a swarm manager/,
  },
  get('/swarm', 503, /^This node is not a swarm manager/),
  get('/nodes', 503, /^This node is not a swarm manager/),
];

const oversized: WrongRequest[] = [
  post('/containers/create', 400, /too large/, `{"Image":"${'x'.repeat(17 * 1024 * 1024)}"}`),
  post('/volumes/create', 400, /too large/, `{"Name":"${'x'.repeat(17 * 1024 * 1024)}"}`),
  post('/containers/create', 400, /invalid JSON/, '['.repeat(100_000)),
  get(`/containers/json?filters=${'x'.repeat(12_000)}`, 400, /invalid filter/i),
];

export const requestsByHand: readonly WrongRequest[] = [
  ...versions,
  ...routes,
  ...createBodies,
  ...hostConfigs,
  ...states,
  ...others,
  ...oversized,
];
