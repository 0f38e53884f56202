/**
 * A job as GitLab's runner does it with its docker executor: the calls, their order and bodies. Its Go client settles the version by a ping, the
 * job's script goes into the attached container's input, and everything is found again by name and label in the end.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';
import { GantryRegistry } from '../support/gantry-registry.ts';
import { drain, split, upgrade } from '../support/upgraded.ts';

const headers = { 'user-agent': 'gitlab-runner 17.11.0 linux/amd64' };
const prefix = 'runner-t1abcdef0-project-7-concurrent-0-0123456789abcdef';
const labels = {
  'com.gitlab.gitlab-runner.job.id': '42',
  'com.gitlab.gitlab-runner.managed': 'true',
  'com.gitlab.gitlab-runner.type': 'build',
};
let daemon: TestDaemon;
let registry: GantryRegistry;
let version = '';
before(async () => {
  daemon = await TestDaemon.start();
  registry = await GantryRegistry.start();
});
after(async () => {
  await daemon.close();
  await registry.close();
});

async function api(
  method: string,
  path: string,
  wanted: number,
  body?: unknown,
  more: Record<string, string> = {},
) {
  const answer = await callApi(daemon.socket, method, `/v${version}${path}`, body, { ...headers, ...more });
  assert.equal(answer.status, wanted, `${method} ${path}: ${answer.text}`);
  return answer;
}

function hostConfig(more: object = {}): object {
  return {
    Binds: [`${prefix}-cache:/builds`],
    NetworkMode: `${prefix}-per-build`,
    RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
    LogConfig: { Type: 'json-file', Config: {} },
    ShmSize: 0,
    Privileged: false,
    CapAdd: [],
    CapDrop: [],
    SecurityOpt: [],
    Memory: 0,
    OomKillDisable: false,
    DeviceRequests: null,
    Tmpfs: { '/scratch': 'rw' },
    Isolation: '',
    ...more,
  };
}

/** A container of the runner's that takes a script; `sh` is what it found out to be there. */
async function createFor(name: string, image: string): Promise<string> {
  const { json } = await api('POST', `/containers/create?name=${prefix}-${name}`, 201, {
    Hostname: 'runner-host',
    Image: image,
    Cmd: ['sh', '-c', 'if [ -x /bin/sh ]; then exec /bin/sh; else echo shell not found; exit 1; fi'],
    Labels: labels,
    Env: ['CI=true', 'CI_JOB_ID=42'],
    Tty: false,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    OpenStdin: true,
    StdinOnce: true,
    HostConfig: hostConfig(),
    NetworkingConfig: { EndpointsConfig: { [`${prefix}-per-build`]: { Aliases: ['build'] } } },
  });
  assert.deepEqual(json.Warnings, []);
  return json.Id;
}

/** Attach, start, the script into the input, its end; wait. What the runner shows as the job's log, and the exit code. */
async function runScript(
  id: string,
  script: string,
): Promise<{ stdout: string; stderr: string; code: number }> {
  const attached = await upgrade(
    daemon.socket,
    `/v${version}/containers/${id}/attach?stderr=1&stdin=1&stdout=1&stream=1`,
    undefined,
    headers,
  );
  assert.equal(attached.status, 101);
  await api('POST', `/containers/${id}/start`, 204);
  const waiting = api('POST', `/containers/${id}/wait?condition=not-running`, 200);
  attached.socket.end(script);
  const said = split(await drain(attached));
  return { ...said, code: JSON.parse((await waiting).text).StatusCode };
}

test('the version is settled by a ping, info says what the executor looks at', async () => {
  const ping = await callApi(daemon.socket, 'HEAD', '/_ping', undefined, headers);
  assert.deepEqual([ping.status, ping.headers['ostype']], [200, 'linux']);
  version = String(ping.headers['api-version']);
  assert.equal(version, '1.51');
  const { json } = await api('GET', '/info', 200);
  assert.deepEqual([json.OSType, typeof json.Name, typeof json.ServerVersion], ['linux', 'string', 'string']);
});

test('a job: pull with credentials, network, cache volume, service, script, artifacts, clean-up', {
  timeout: 60_000,
}, async () => {
  await daemon.ok(['tag', 'busybox', `${registry.host}/ci/box:1`]);
  await daemon.ok(['push', '-q', `${registry.host}/ci/box:1`]);
  await daemon.ok(['rmi', `${registry.host}/ci/box:1`]);
  const image = `${registry.host}/ci/box:1`;
  await api('GET', `/images/${encodeURIComponent(image)}/json`, 404);
  const auth = Buffer.from(
    JSON.stringify({ username: 'ci', password: 'x', serveraddress: registry.host }),
  ).toString('base64url');
  const name = encodeURIComponent(`${registry.host}/ci/box`);
  const pulled = await api('POST', `/images/create?fromImage=${name}&tag=1`, 200, undefined, {
    'x-registry-auth': auth,
  });
  assert.match(pulled.text, /"status":"Status: Downloaded newer image for/);
  const inspected = (await api('GET', `/images/${image}/json`, 200)).json;
  assert.match(inspected.Id, /^sha256:/);
  assert.equal(inspected.RepoDigests.length, 1);

  const network = await api('POST', '/networks/create', 201, {
    Name: `${prefix}-per-build`,
    Labels: labels,
    EnableIPv6: false,
    Options: {},
  });
  const shown = (await api('GET', `/networks/${network.json.Id}`, 200)).json;
  assert.deepEqual([shown.Name, shown.Labels, shown.Driver], [`${prefix}-per-build`, labels, 'bridge']);
  const volume = await api('POST', '/volumes/create', 201, {
    Name: `${prefix}-cache`,
    Labels: labels,
    DriverOpts: {},
  });
  assert.equal(volume.json.Name, `${prefix}-cache`);

  // A service, with an alias, that is waited for.
  const service = (
    await api('POST', `/containers/create?name=${prefix}-web-0`, 201, {
      Image: image,
      Cmd: ['sh', '-c', 'echo listening; while :; do echo hi | nc -l -p 80; done'],
      Labels: { ...labels, 'com.gitlab.gitlab-runner.type': 'service' },
      ExposedPorts: { '80/tcp': {} },
      HostConfig: hostConfig({ Binds: null }),
      NetworkingConfig: { EndpointsConfig: { [`${prefix}-per-build`]: { Aliases: ['web', 'ci__box'] } } },
    })
  ).json.Id;
  await api('POST', `/containers/${service}/start`, 204);
  const details = (await api('GET', `/containers/${service}/json`, 200)).json;
  assert.deepEqual(Object.keys(details.NetworkSettings.Networks), [`${prefix}-per-build`]);
  assert.ok(details.Config.ExposedPorts['80/tcp'] !== undefined);

  const script =
    'set -e\ncd /builds\necho from the job\necho oops >&2\nnc -w 3 web 80\necho built > artifact\ntest -d /scratch\nhostname\n';
  const build = await createFor('build', inspected.Id);
  const first = await runScript(build, script);
  assert.deepEqual(first, { stdout: 'from the job\nhi\nrunner-host\n', stderr: 'oops\n', code: 0 });
  // The same container is started again for the next step; its files and volumes are still there.
  assert.deepEqual(await runScript(build, 'cat /builds/artifact; exit 7'), {
    stdout: 'built\n',
    stderr: '',
    code: 7,
  });
  const state = (await api('GET', `/containers/${build}/json`, 200)).json.State;
  assert.deepEqual(
    [state.Status, state.Running, state.ExitCode, state.OOMKilled],
    ['exited', false, 7, false],
  );
  const logs = await callApi(
    daemon.socket,
    'GET',
    `/v${version}/containers/${service}/logs?stderr=1&stdout=1&timestamps=1`,
    undefined,
    headers,
  );
  assert.match(logs.text, /\d{4}-\d\d-\d\dT\S+Z listening\n/);

  const filters = encodeURIComponent(
    JSON.stringify({ label: { 'com.gitlab.gitlab-runner.managed=true': true } }),
  );
  const found: Array<{ Id: string }> = (await api('GET', `/containers/json?all=1&filters=${filters}`, 200))
    .json;
  assert.deepEqual(found.map(({ Id }) => Id).sort(), [build, service].sort());
  for (const id of [build, service]) {
    await api('POST', `/networks/${network.json.Id}/disconnect`, 200, { Container: id, Force: true });
    await api('DELETE', `/containers/${id}?force=1&v=1`, 204);
  }
  const volumes = (await api('GET', `/volumes?filters=${filters}`, 200)).json.Volumes;
  assert.equal(volumes.length, 1);
  await api('DELETE', `/volumes/${prefix}-cache?force=1`, 204);
  await api('DELETE', `/networks/${network.json.Id}`, 204);
});

test('a job that is cancelled: the wait tells of the kill, and what is gone is no error of the clean-up', async () => {
  await api('POST', '/networks/create', 201, { Name: `${prefix}-per-build`, Labels: labels });
  const build = await createFor('build', 'busybox');
  const running = runScript(build, 'echo begun; sleep 1000\n');
  let status = '';
  while (status !== 'running')
    status = (await api('GET', `/containers/${build}/json`, 200)).json.State.Status;
  await api('POST', `/containers/${build}/stop?t=0`, 204);
  assert.equal((await running).code, 137);
  await api('POST', `/containers/${build}/kill?signal=SIGKILL`, 409);
  await api('DELETE', `/containers/${build}?force=1&v=1`, 204);
  const gone = await api('DELETE', `/containers/${build}?force=1&v=1`, 404);
  assert.match(gone.json.message, /^No such container: /);
  await api('DELETE', `/networks/${prefix}-per-build`, 204);
});
