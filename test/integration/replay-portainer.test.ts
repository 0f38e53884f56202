/**
 * What Portainer asks of an environment: the snapshot that its server takes, and what its pages send through its proxy, with the headers which
 * it puts there. The fields that are looked at are those which its pages show.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { GantryRegistry } from '../support/gantry-registry.ts';
import { tarOf } from '../support/tar-writer.ts';
import { drain, upgrade } from '../support/upgraded.ts';

let daemon: TestDaemon;
let id = '';
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

/** Its pages send paths without a version, its server those of the newest that both know. */
async function api(
  method: string,
  path: string,
  wanted = 200,
  body?: unknown,
  headers: Record<string, string> = {},
) {
  const forwarded = {
    accept: 'application/json, text/plain, */*',
    'x-forwarded-for': '10.0.0.9',
    ...headers,
  };
  const answer = await callApi(daemon.socket, method, path, body, forwarded);
  assert.equal(answer.status, wanted, `${method} ${path}: ${answer.text}`);
  return answer;
}

test('a container made by its form, with labels of a stack', async () => {
  const { json } = await api('POST', '/containers/create?name=web', 201, {
    Image: 'busybox:latest',
    Env: ['A=b'],
    MacAddress: '',
    ExposedPorts: { '80/tcp': {} },
    Cmd: ['sh', '-c', 'echo started; exec httpd -f -h /tmp'],
    Entrypoint: null,
    HostConfig: {
      RestartPolicy: { Name: 'unless-stopped' },
      PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
      PublishAllPorts: false,
      Binds: [],
      AutoRemove: false,
      NetworkMode: 'bridge',
      Privileged: false,
      Init: false,
      Runtime: null,
      ExtraHosts: [],
      Devices: [],
      DeviceRequests: [],
      CapAdd: ['AUDIT_WRITE', 'CHOWN'],
      CapDrop: ['MKNOD', 'NET_RAW'],
      Sysctls: {},
      ShmSize: 67108864,
      LogConfig: { Type: '', Config: {} },
      NanoCpus: 0,
      Memory: 0,
    },
    NetworkingConfig: { EndpointsConfig: { bridge: { IPAMConfig: { IPv4Address: '', IPv6Address: '' } } } },
    Labels: { 'com.docker.compose.project': 'shop' },
    name: 'web',
    OpenStdin: false,
    Tty: false,
    Volumes: {},
  });
  id = json.Id;
  await api('POST', `/containers/${id}/start`, 204, {});
});

test('the snapshot of its server', async () => {
  await api('GET', '/_ping');
  const info = (await api('GET', '/v1.51/info')).json;
  for (const key of ['NCPU', 'MemTotal', 'Containers', 'ContainersRunning', 'Images'])
    assert.equal(typeof info[key], 'number', key);
  assert.equal(info.Swarm.ControlAvailable, false);
  assert.deepEqual([info.Swarm.NodeID, info.Swarm.LocalNodeState], ['', 'inactive']);
  const [container] = (await api('GET', '/v1.51/containers/json?all=1')).json;
  assert.deepEqual([container.State, container.Labels['com.docker.compose.project']], ['running', 'shop']);
  assert.match(container.Status, /^Up /);
  const [port] = container.Ports;
  assert.deepEqual(
    [port.IP, port.PrivatePort, port.Type, port.PublicPort > 0],
    ['127.0.0.1', 80, 'tcp', true],
  );
  const [image] = (await api('GET', '/v1.51/images/json?all=1')).json;
  assert.deepEqual(image.RepoTags, ['busybox:latest']);
  assert.ok(image.Size > 0);
  const volumes = (await api('GET', '/v1.51/volumes')).json;
  assert.ok(Array.isArray(volumes.Volumes));
  const networks = (await api('GET', '/v1.51/networks')).json;
  assert.ok(
    networks.some((one: { Name: string; Scope: string }) => one.Name === 'bridge' && one.Scope === 'local'),
  );
  const version = (await api('GET', '/v1.51/version')).json;
  assert.ok(Number(version.ApiVersion.split('.')[1]) >= 24);
});

test('lists with its filters, and the page of a container', async () => {
  const filters = encodeURIComponent(
    JSON.stringify({ network: ['bridge'], label: ['com.docker.compose.project=shop'] }),
  );
  assert.equal((await api('GET', `/containers/json?all=1&filters=${filters}`)).json.length, 1);
  assert.equal((await api('GET', '/containers/json?all=0&size=1&limit=5')).json[0].SizeRootFs > 0, true);
  const dangling = encodeURIComponent(JSON.stringify({ dangling: ['true'] }));
  assert.ok(Array.isArray((await api('GET', `/volumes?filters=${dangling}`)).json.Volumes));
  assert.deepEqual((await api('GET', `/images/json?filters=${dangling}`)).json, []);
  const page = (await api('GET', `/containers/${id}/json`)).json;
  assert.deepEqual(page.HostConfig.CapAdd, ['AUDIT_WRITE', 'CHOWN']);
  assert.equal(page.HostConfig.RestartPolicy.Name, 'unless-stopped');
  assert.match(page.Created, /^\d{4}-/);
  const processes = (await api('GET', `/containers/${id}/top`)).json;
  assert.equal(processes.Titles.length, processes.Processes[0].length);
  const logs = await api('GET', `/containers/${id}/logs?stdout=1&stderr=1&timestamps=0&since=0&tail=100`);
  assert.match(logs.text, /started\n$/);
  await api('POST', `/containers/${id}/update`, 200, { RestartPolicy: { Name: 'no', MaximumRetryCount: 0 } });
  await api('POST', `/containers/${id}/rename?name=shown`, 204, {});
});

test('statistics as its charts need them: one sample with the one before', async () => {
  const sample = (await api('GET', `/containers/${id}/stats?stream=false`)).json;
  const { cpu_stats: now, precpu_stats: before, memory_stats: memory, networks } = sample;
  assert.ok(now.cpu_usage.total_usage >= before.cpu_usage.total_usage);
  assert.ok(now.system_cpu_usage > before.system_cpu_usage);
  assert.ok(now.online_cpus > 0 && memory.usage > 0);
  assert.ok(networks.eth0.rx_bytes >= 0);
  assert.match(sample.read, /^\d{4}-/);
});

test('its console: an exec whose connection its server takes over, and the size that its page sends', async () => {
  const exec = {
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    Cmd: ['sh'],
    User: '',
    id,
  };
  const { json } = await api('POST', `/containers/${id}/exec`, 201, exec);
  const console = await upgrade(daemon.socket, `/exec/${json.Id}/start`, { Tty: true, Detach: false });
  assert.equal(console.status, 101);
  await api('POST', `/exec/${json.Id}/resize?h=41&w=132`, 200, {});
  console.socket.write('stty size; exit 6\n');
  assert.match((await drain(console)).toString(), /41 132\r\n/);
  const ended = (await api('GET', `/exec/${json.Id}/json`)).json;
  assert.deepEqual([ended.Running, ended.ExitCode], [false, 6]);
});

test('a file uploaded into a container, and read back', async () => {
  const archive = tarOf([{ name: 'uploaded.txt', data: 'by hand\n' }]);
  const put = await fetchPut(`/containers/${id}/archive?path=/tmp`, archive);
  assert.equal(put, 200);
  const back = await api('GET', `/containers/${id}/archive?path=/tmp/uploaded.txt`);
  assert.match(back.text, /by hand\n/);
  assert.ok(back.headers['x-docker-container-path-stat'] !== undefined);
});

function fetchPut(path: string, body: Buffer): Promise<number> {
  return callApi(daemon.socket, 'PUT', path, body.toString('latin1'), {
    'content-type': 'application/x-tar',
  }).then(({ status }) => status);
}

test('a pull by its form: credentials of a registry in the header, and none for an anonymous one', async () => {
  const registry = await GantryRegistry.start();
  try {
    const name = `${registry.host}/team/box`;
    await daemon.ok(['tag', 'busybox', `${name}:2`]);
    await daemon.ok(['push', '-q', `${name}:2`]);
    await daemon.ok(['rmi', `${name}:2`]);
    for (const credentials of [{ username: 'u', password: 'p', serveraddress: registry.host }, {}]) {
      const auth = Buffer.from(JSON.stringify(credentials)).toString('base64');
      const path = `/images/create?fromImage=${encodeURIComponent(`${name}:2`)}`;
      const { text } = await api('POST', path, 200, {}, { 'x-registry-auth': auth });
      assert.match(text, /"status":"Digest: sha256:/);
      const image = (await api('GET', `/images/${encodeURIComponent(`${name}:2`)}/json`)).json;
      assert.equal(image.RepoTags.includes(`${name}:2`), true);
      await api('DELETE', `/images/${encodeURIComponent(`${name}:2`)}?force=true`);
    }
    const missing = `/images/create?fromImage=${encodeURIComponent(`${name}:none`)}`;
    const { json } = await api('POST', missing, 404, {});
    assert.equal(typeof json.message, 'string');
  } finally {
    await registry.close();
  }
});

test('events of the last minutes, disk usage, networks and volumes made by its forms, prune', async () => {
  const now = Math.floor(Date.now() / 1000);
  const { text } = await api('GET', `/events?since=${now - 3600}&until=${now + 1}`);
  const events = text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line));
  assert.ok(
    events.some(
      ({ Type, Action, time, Actor }) =>
        Type === 'container' && Action === 'rename' && time > 0 && Actor.Attributes.name === 'shown',
    ),
  );
  const usage = (await api('GET', '/system/df')).json;
  assert.ok(usage.LayersSize > 0);
  const network = await api('POST', '/networks/create', 201, {
    ...{
      Name: 'by-form',
      Driver: 'bridge',
      Internal: false,
      Attachable: true,
      EnableIPv6: false,
      CheckDuplicate: true,
    },
    ...{ Options: {}, Labels: {}, IPAM: { Driver: 'default', Config: [] } },
  });
  await api('POST', `/networks/${network.json.Id}/connect`, 200, { Container: id });
  await api('POST', `/networks/${network.json.Id}/disconnect`, 200, { Container: id, Force: true });
  await api('DELETE', `/networks/${network.json.Id}`, 204);
  const volume = await api('POST', '/volumes/create', 201, {
    Name: 'by-form',
    Driver: 'local',
    DriverOpts: {},
  });
  assert.match(volume.json.Mountpoint, /by-form/);
  await api('DELETE', '/volumes/by-form', 204);
  await api('POST', `/containers/${id}/stop`, 204, {});
  await api('POST', `/containers/${id}/stop`, 304, {});
  await api('DELETE', `/containers/${id}?force=true&v=1`, 204);
  assert.ok(
    (await api('POST', '/images/prune?filters=%7B%22dangling%22%3A%5B%22true%22%5D%7D')).json
      .SpaceReclaimed >= 0,
  );
});
