/** The life of containers: create, list, inspect, start, stop, and all that is done to one that runs. */
import { fullConfig, fullEndpoint, fullHostConfig, ignoredOnLinux, otherHostConfig } from './full-create.ts';
import { configOf, hostConfigOf } from './of-version.ts';
import type { Scene, Stage } from './stage.ts';

const nobody = { id: 'nobody' };

export const containersScene: Scene = async (stage) => {
  await creation(stage);
  await everyField(stage);
  await life(stage);
  await waiting(stage);
  await removal(stage);
  await prune(stage);
};

async function creation(stage: Stage): Promise<void> {
  const name = `${stage.prefix}-made`;
  const create = (body: unknown, expect: number, query: Record<string, string> = {}) =>
    stage.post('/containers/create', { query, body, expect });
  await create({ Image: 'busybox' }, 201, { name, platform: 'linux' });
  await create({ Image: 'busybox' }, 409, { name });
  await create({ Image: 'no-such-image' }, 404);
  await create({ Image: 7 }, 400);
  for (const query of [{ all: 'true' }, { limit: '1' }, { all: '1', size: 'true' }])
    await stage.get('/containers/json', { query, expect: 200 });
  const filters = JSON.stringify({ name: [name], status: ['created'] });
  const { json } = await stage.get('/containers/json', { query: { all: '1', filters }, expect: 200 });
  stage.same(
    json?.map((one: { Names: string[] }) => one.Names),
    [[`/${name}`]],
    'list by name',
  );
  await stage.get('/containers/json', { query: { filters: '{"nonsense":["x"]}' }, expect: 400 });
  await stage.get('/containers/{id}/json', { path: { id: name }, query: { size: 'true' }, expect: 200 });
  await stage.get('/containers/{id}/json', { path: nobody, expect: 404 });
  await stage.removeContainer(name);
}

/** Each field that was given must come back as it was given. */
async function everyField(stage: Stage): Promise<void> {
  const base = await stage.container('base', {}, false);
  const config = fullConfig();
  const hostConfig = {
    ...fullHostConfig(stage.prefix),
    VolumesFrom: [base],
    Links: [],
    DeviceRequests: [],
    Runtime: 'crun',
  };
  const name = `${stage.prefix}-full`;
  await stage.post('/containers/create', {
    query: { name },
    body: {
      ...config,
      ...ignoredOnLinux,
      HostConfig: { ...ignoredOnLinux.HostConfig, ...hostConfig },
      NetworkingConfig: {
        EndpointsConfig: { bridge: fullEndpoint() },
      },
    },
    expect: 201,
  });
  const { json } = await stage.get('/containers/{id}/json', { path: { id: name }, expect: 200 });
  const shown = Object.fromEntries(Object.keys(config).map((key) => [key, json?.Config?.[key]]));
  stage.same(shown, configOf(stage, config), 'Config of inspect');
  const given: Record<string, unknown> = { ...hostConfig };
  const shownHost = Object.fromEntries(Object.keys(given).map((key) => [key, json?.HostConfig?.[key]]));
  stage.same(withoutEmpty(shownHost), withoutEmpty(hostConfigOf(stage, given)), 'HostConfig of inspect');
  await stage.get('/containers/json', { query: { all: '1' }, expect: 200 });
  await stage.removeContainer(name);
  await stage.removeContainer(base);
  await otherFields(stage);
  for (const volume of ['bound', 'mounted'])
    await stage.delete('/volumes/{name}', { path: { name: `${stage.prefix}-${volume}` }, expect: 204 });
}

async function otherFields(stage: Stage): Promise<void> {
  const config = { HostConfig: otherHostConfig(stage.prefix), MacAddress: '02:42:ac:11:00:98' };
  const id = await stage.container('others', config, false);
  const { json } = await stage.get('/containers/{id}/json', { path: { id }, expect: 200 });
  const shown = Object.fromEntries(
    Object.keys(config.HostConfig).map((key) => [key, json?.HostConfig?.[key]]),
  );
  stage.same(shown, hostConfigOf(stage, config.HostConfig), 'rarer fields of HostConfig');
  await stage.removeContainer(id);
}

/** Docker shows some empty lists as null. */
function withoutEmpty(values: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isEmpty = (value: unknown): boolean =>
    value === null || value === undefined || (Array.isArray(value) && value.length === 0);
  return Object.fromEntries(Object.entries(values).filter(([, value]) => !isEmpty(value)));
}

/** `path` calls with the given query: once on a container that is there, once on one that is not. */
async function both(
  stage: Stage,
  method: string,
  template: string,
  id: string,
  right: number,
  query: Record<string, string> = {},
): Promise<void> {
  await stage.call(method, template, { path: { id }, query, expect: right });
  await stage.call(method, template, { path: nobody, query, expect: 404 });
}

async function life(stage: Stage): Promise<void> {
  const id = await stage.container('life', { Tty: true, OpenStdin: true }, false);
  await stage.post('/containers/{id}/kill', { path: { id }, expect: 409 });
  await both(stage, 'POST', '/containers/{id}/start', id, 204, { detachKeys: 'ctrl-p,ctrl-q' });
  await stage.post('/containers/{id}/start', { path: { id }, expect: 304 });
  await both(stage, 'GET', '/containers/{id}/top', id, 200, { ps_args: '-ef' });
  await both(stage, 'POST', '/containers/{id}/resize', id, 200, { h: '30', w: '90' });
  await stage.get('/containers/{id}/json', { path: { id }, query: { size: '1' }, expect: 200 });
  await stage.get('/containers/json', { query: { size: '1' }, expect: 200 });
  await both(stage, 'POST', '/containers/{id}/pause', id, 204);
  await stage.get('/containers/{id}/json', { path: { id }, expect: 200 });
  await both(stage, 'POST', '/containers/{id}/unpause', id, 204);
  await updates(stage, id);
  await renames(stage, id);
  await both(stage, 'POST', '/containers/{id}/restart', id, 204, { signal: 'SIGKILL', t: '1' });
  await stats(stage, id);
  await both(stage, 'POST', '/containers/{id}/stop', id, 204, { signal: 'SIGKILL', t: '1' });
  await stage.post('/containers/{id}/stop', { path: { id }, expect: 304 });
  await stage.post('/containers/{id}/start', { path: { id }, expect: 204 });
  await both(stage, 'POST', '/containers/{id}/kill', id, 204, { signal: 'SIGKILL' });
  await stage.removeContainer(id);
}

/** What an update may name, and what Docker then leaves as it is. */
const notUpdated = {
  CgroupParent: '',
  BlkioWeightDevice: [{ Path: '/dev/null', Weight: 200 }],
  BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 1 }],
  BlkioDeviceWriteBps: [],
  BlkioDeviceReadIOps: [],
  BlkioDeviceWriteIOps: [],
  CpuRealtimePeriod: 0,
  CpuRealtimeRuntime: 0,
  Devices: [{ PathOnHost: '/dev/null', PathInContainer: '/dev/x', CgroupPermissions: 'r' }],
  DeviceCgroupRules: [],
  DeviceRequests: [{ Driver: '', Count: 0, DeviceIDs: [], Capabilities: [], Options: {} }],
  KernelMemoryTCP: 0,
  NanoCpus: 0,
  OomKillDisable: false,
  Init: false,
  Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 1 }],
  CpuCount: 0,
  CpuPercent: 0,
  IOMaximumIOps: 0,
  IOMaximumBandwidth: 0,
};

async function updates(stage: Stage, id: string): Promise<void> {
  const body = {
    CpuShares: 256,
    Memory: 67_108_864,
    MemorySwap: 134_217_728,
    MemoryReservation: 33_554_432,
    CpuPeriod: 100_000,
    CpuQuota: 50_000,
    CpusetCpus: '0',
    CpusetMems: '0',
    PidsLimit: 50,
    BlkioWeight: 0,
    RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 },
  };
  await stage.post('/containers/{id}/update', { path: { id }, body, expect: 200 });
  await stage.post('/containers/{id}/update', { path: nobody, body, expect: 404 });
  await stage.post('/containers/{id}/update', { path: { id }, body: notUpdated, expect: 200 });
}

async function renames(stage: Stage, id: string): Promise<void> {
  const other = await stage.container('other', {}, false);
  await both(stage, 'POST', '/containers/{id}/rename', id, 204, { name: `${id}-2` });
  await stage.post('/containers/{id}/rename', {
    path: { id: `${id}-2` },
    query: { name: other },
    expect: 409,
  });
  await stage.post('/containers/{id}/rename', { path: { id: `${id}-2` }, query: { name: id }, expect: 204 });
  await stage.removeContainer(other);
}

async function stats(stage: Stage, id: string): Promise<void> {
  await both(stage, 'GET', '/containers/{id}/stats', id, 200, { stream: 'false', 'one-shot': 'true' });
  await stage.get('/containers/{id}/stats', {
    path: { id },
    query: { stream: 'true' },
    until: /\n/,
    expect: 200,
  });
}

async function waiting(stage: Stage): Promise<void> {
  const id = await stage.container('wait', { Cmd: ['sh', '-c', 'exit 3'] }, false);
  const next = stage.post('/containers/{id}/wait', {
    path: { id },
    query: { condition: 'next-exit' },
    expect: 200,
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  await stage.post('/containers/{id}/start', { path: { id }, expect: 204 });
  stage.same((await next).json?.StatusCode, 3, 'exit code of a wait');
  await both(stage, 'POST', '/containers/{id}/wait', id, 200, { condition: 'not-running' });
  await stage.post('/containers/{id}/wait', { path: { id }, query: { condition: 'never' }, expect: 400 });
  await stage.removeContainer(id);
}

async function removal(stage: Stage): Promise<void> {
  const id = await stage.container('gone');
  await stage.delete('/containers/{id}', { path: { id }, expect: 409 });
  await stage.delete('/containers/{id}', { path: { id }, query: { link: 'true' }, expect: [400, 404, 409] });
  await both(stage, 'DELETE', '/containers/{id}', id, 204, { force: 'true', v: 'true' });
}

async function prune(stage: Stage): Promise<void> {
  const filters = JSON.stringify({ label: [`${stage.prefix}=prune`] });
  await stage.container('prune', { Labels: { [stage.prefix]: 'prune' } }, false);
  const { json } = await stage.post('/containers/prune', { query: { filters }, expect: 200 });
  stage.same(json?.ContainersDeleted?.length, 1, 'containers pruned');
}
