/** What flows: logs, attach in its three forms, exec, archives in both directions, changes and exports. */
import { tarOf } from '../../support/tar-writer.ts';
import type { Scene, Stage } from './stage.ts';

const nobody = { id: 'nobody' };

export const streamsScene: Scene = async (stage) => {
  await logs(stage);
  await attach(stage);
  await attachOverWebSocket(stage);
  await execs(stage);
  await files(stage);
};

async function logs(stage: Stage): Promise<void> {
  const id = await stage.container('logs', { Cmd: ['sh', '-c', 'echo out; echo err >&2'] });
  await stage.post('/containers/{id}/wait', { path: { id }, expect: 200 });
  const query = {
    stdout: 'true',
    stderr: 'true',
    follow: 'true',
    since: '0',
    until: String(Math.ceil(Date.now() / 1000) + 1),
    timestamps: 'true',
    tail: '10',
  };
  const { text } = await stage.get('/containers/{id}/logs', { path: { id }, query, expect: 200 });
  stage.same([/out/.test(text), /err/.test(text)], [true, true], 'both streams in the logs');
  await stage.get('/containers/{id}/logs', { path: nobody, query, expect: 404 });
  await stage.get('/containers/{id}/logs', { path: { id }, expect: 400 });
  await stage.removeContainer(id);
}

const attachAll = {
  detachKeys: 'ctrl-x',
  logs: 'true',
  stream: 'true',
  stdin: 'true',
  stdout: 'true',
  stderr: 'true',
};

async function attach(stage: Stage): Promise<void> {
  const id = await stage.container('attach', { Cmd: ['cat'], OpenStdin: true });
  const upgrade = { protocol: 'tcp', input: 'hello\n' } as const;
  const until = /hello/;
  const path = { id };
  await stage.post('/containers/{id}/attach', { path, query: attachAll, upgrade, until, expect: 101 });
  await stage.post('/containers/{id}/attach', { path, query: attachAll, until, expect: 200 });
  await stage.post('/containers/{id}/attach', {
    path,
    query: { ...attachAll, detachKeys: 'ctrl-nonsense' },
    expect: 400,
  });
  await stage.post('/containers/{id}/attach', { path: nobody, query: attachAll, expect: 404 });
  await stage.removeContainer(id);
}

async function attachOverWebSocket(stage: Stage): Promise<void> {
  const id = await stage.container('ws', { Cmd: ['sh', '-c', 'echo hello; sleep 600'], OpenStdin: true });
  const upgrade = { protocol: 'websocket' } as const;
  await stage.get('/containers/{id}/attach/ws', {
    path: { id },
    query: attachAll,
    upgrade,
    until: /hello/,
    expect: 101,
  });
  await stage.get('/containers/{id}/attach/ws', { path: { id }, query: attachAll, expect: 400 });
  await stage.get('/containers/{id}/attach/ws', { path: nobody, query: attachAll, upgrade, expect: 404 });
  await stage.removeContainer(id);
}

async function execs(stage: Stage): Promise<void> {
  const id = await stage.container('exec');
  const config = {
    AttachStdin: false,
    AttachStdout: true,
    AttachStderr: true,
    DetachKeys: 'ctrl-p,ctrl-q',
    Tty: true,
    ConsoleSize: [24, 80],
    Env: ['X=inside'],
    Cmd: ['sh', '-c', 'echo $X; sleep 1'],
    Privileged: false,
    User: 'root',
    WorkingDir: '/tmp',
  };
  const create = (body: unknown, expect: number, path = { id }) =>
    stage.post('/containers/{id}/exec', { path, body, expect });
  await create(config, 404, nobody);
  const made = await create(config, 201);
  await runExec(stage, made.json?.Id ?? '');
  const detached = await create({ Cmd: ['true'] }, 201);
  await stage.post('/exec/{id}/start', {
    path: { id: detached.json?.Id ?? '' },
    body: { Detach: true, Tty: false },
    expect: 200,
  });
  const late = await create({ Cmd: ['true'] }, 201);
  await stage.post('/containers/{id}/stop', { path: { id }, query: { t: '0' }, expect: 204 });
  await create({ Cmd: ['true'] }, 409);
  await stage.post('/exec/{id}/start', {
    path: { id: late.json?.Id ?? '' },
    body: { Detach: true },
    expect: [404, 409],
  });
  await stage.removeContainer(id);
}

async function runExec(stage: Stage, id: string): Promise<void> {
  await stage.get('/exec/{id}/json', { path: { id }, expect: 200 });
  await stage.post('/exec/{id}/start', {
    path: { id },
    body: { Detach: false, Tty: true, ConsoleSize: [24, 80] },
    upgrade: { protocol: 'tcp' },
    until: /inside/,
    expect: 101,
  });
  const size = { h: '30', w: '90' };
  await stage.post('/exec/{id}/resize', { path: { id }, query: size, expect: 200 });
  await stage.post('/exec/{id}/resize', { path: { id }, query: { h: 'x', w: '1' }, expect: 400 });
  await stage.post('/exec/{id}/resize', { path: nobody, query: size, expect: 404 });
  await stage.get('/exec/{id}/json', { path: { id }, expect: 200 });
  await stage.get('/exec/{id}/json', { path: nobody, expect: 404 });
  await stage.post('/exec/{id}/start', { path: { id }, body: {}, expect: 409 });
  await stage.post('/exec/{id}/start', { path: nobody, body: {}, expect: 404 });
}

async function files(stage: Stage): Promise<void> {
  const id = await stage.container('files', {
    Cmd: ['sh', '-c', 'echo new > /new; rm /etc/group; sleep 600'],
  });
  await untilChanged(stage, id);
  await stage.get('/containers/{id}/changes', { path: nobody, expect: 404 });
  await stage.get('/containers/{id}/export', { path: { id }, expect: 200 });
  await stage.get('/containers/{id}/export', { path: nobody, expect: 404 });
  for (const method of ['HEAD', 'GET']) {
    const archive = (path: Record<string, string>, query: Record<string, string>, expect: number) =>
      stage.call(method, '/containers/{id}/archive', { path, query, expect });
    await archive({ id }, { path: '/etc/passwd' }, 200);
    await archive({ id }, { path: '/nowhere' }, 404);
    await archive(nobody, { path: '/etc/passwd' }, 404);
    await archive({ id }, {}, 400);
  }
  const tar = tarOf([{ name: 'put', data: 'put\n' }]);
  const put = (
    path: Record<string, string>,
    query: Record<string, string>,
    expect: number,
    body: Buffer = tar,
  ) => stage.call('PUT', '/containers/{id}/archive', { path, query, body, expect });
  await put({ id }, { path: '/tmp', noOverwriteDirNonDir: 'true', copyUIDGID: 'true' }, 200);
  await put({ id }, { path: '/nowhere' }, 404);
  await put({ id }, { path: '/etc/passwd' }, 400);
  await put(nobody, { path: '/tmp' }, 404);
  await stage.removeContainer(id);
  const sealed = await stage.container('sealed', {
    HostConfig: { ReadonlyRootfs: true, NetworkMode: 'none' },
  });
  await put({ id: sealed }, { path: '/tmp' }, 403);
  await stage.removeContainer(sealed);
}

async function untilChanged(stage: Stage, id: string): Promise<void> {
  for (let tries = 0; tries < 100; tries += 1) {
    const { json } = await stage.get('/containers/{id}/changes', { path: { id }, expect: 200 });
    if (JSON.stringify(json ?? null).includes('/etc/group')) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  stage.same(undefined, '/etc/group', 'changes of a container');
}
