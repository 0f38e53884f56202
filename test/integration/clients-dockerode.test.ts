/** dockerode does a day's work: networks, volumes, copies, statistics, terminals, events, a registry, health, logs, updates, waits, prunes. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough, Readable } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import Docker, { type Container } from 'dockerode';
import { TestDaemon } from '../support/daemon.ts';
import { GantryRegistry } from '../support/gantry-registry.ts';
import { tarOf } from '../support/tar-writer.ts';

let daemon: TestDaemon;
let docker: Docker;
before(async () => {
  daemon = await TestDaemon.start();
  docker = new Docker({ socketPath: daemon.socket });
});
after(() => daemon.close());

async function running(name: string, command: readonly string[], more: object = {}): Promise<Container> {
  const box = await docker.createContainer({ Image: 'busybox', name, Cmd: [...command], ...more });
  await box.start();
  return box;
}

interface Said {
  stdout: string;
  stderr: string;
}

/** What a multiplexed stream carried, taken apart by dockerode. */
async function demuxed(stream: NodeJS.ReadableStream): Promise<Said> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  docker.modem.demuxStream(stream, stdout, stderr);
  stream.on('end', () => {
    stdout.end();
    stderr.end();
  });
  const [out, err] = await Promise.all([text(stdout), text(stderr)]);
  return { stdout: out, stderr: err };
}

async function run(box: Container, command: readonly string[]): Promise<Said & { code: number | null }> {
  const exec = await box.exec({ Cmd: [...command], AttachStdout: true, AttachStderr: true });
  const said = await demuxed(await exec.start({}));
  return { ...said, code: (await exec.inspect()).ExitCode };
}

async function events(options: Docker.GetEventsOptions): Promise<Readable> {
  const stream: NodeJS.ReadableStream = await docker.getEvents(options);
  return new Readable().wrap(stream);
}

/** Resolves with the progress that the daemon told. */
function followed(
  stream: NodeJS.ReadableStream,
): Promise<Array<{ status?: string; aux?: { Digest?: string } }>> {
  return new Promise((resolve, reject) => {
    docker.modem.followProgress(stream, (error, steps) => (error ? reject(error) : resolve(steps)));
  });
}

test('user networks: names and aliases, a second network while it runs, who is in one, refusals', async () => {
  const network = await docker.createNetwork({
    Name: 'shop',
    Labels: { by: 'dockerode' },
    IPAM: { Config: [{ Subnet: '10.253.7.0/24', Gateway: '10.253.7.1' }] },
  });
  const inShop = { HostConfig: { NetworkMode: 'shop' } };
  const server = await running('server', ['sh', '-c', 'while :; do echo hi | nc -l -p 80; done'], {
    ...inShop,
    NetworkingConfig: {
      EndpointsConfig: { shop: { Aliases: ['web'], IPAMConfig: { IPv4Address: '10.253.7.9' } } },
    },
  });
  const client = await running('client', ['sleep', '1000'], inShop);
  for (const name of ['server', 'web', '10.253.7.9'])
    assert.equal((await run(client, ['nc', '-w', '3', name, '80'])).stdout, 'hi\n', name);
  const inside = await network.inspect();
  assert.deepEqual(
    Object.values<{ Name: string }>(inside.Containers ?? {})
      .map(({ Name }) => Name)
      .sort(),
    ['client', 'server'],
  );
  const other = await docker.createNetwork({ Name: 'back', Internal: true });
  await other.connect({ Container: 'client', EndpointConfig: { Aliases: ['c'] } });
  const { Networks } = (await client.inspect()).NetworkSettings;
  assert.deepEqual(Object.keys(Networks).sort(), ['back', 'shop']);
  assert.ok(Networks['back']?.Aliases?.includes('c'));
  await assert.rejects(network.remove(), { statusCode: 403 });
  await other.disconnect({ Container: 'client', Force: true });
  await Promise.all([server, client].map((box) => box.remove({ force: true })));
  const listed = await docker.listNetworks({ filters: { label: ['by=dockerode'] } });
  assert.deepEqual(
    listed.map(({ Name }) => Name),
    ['shop'],
  );
  const pruned = await docker.pruneNetworks();
  assert.deepEqual(pruned.NetworksDeleted.sort(), ['back', 'shop']);
});

test('volumes: made, listed, shared, in use, removed, pruned', async () => {
  const made = await docker.createVolume({ Name: 'shared', Labels: { use: 'test' } });
  assert.equal((await made.inspect()).Driver, 'local');
  const binds = { HostConfig: { Binds: ['shared:/data'] } };
  const writer = await running('writer', ['sh', '-c', 'echo kept >/data/file'], binds);
  assert.equal((await writer.wait()).StatusCode, 0);
  const reader = await running('reader', ['sleep', '1000'], {
    HostConfig: { Mounts: [{ Type: 'volume', Source: 'shared', Target: '/in', ReadOnly: true }] },
  });
  assert.equal((await run(reader, ['cat', '/in/file'])).stdout, 'kept\n');
  assert.equal((await run(reader, ['touch', '/in/other'])).code, 1);
  await assert.rejects(docker.getVolume('shared').remove(), { statusCode: 409 });
  const { Volumes } = await docker.listVolumes({ filters: { label: ['use=test'] } });
  assert.deepEqual(
    Volumes.map(({ Name }) => Name),
    ['shared'],
  );
  await Promise.all([writer, reader].map((box) => box.remove({ force: true })));
  await docker.getVolume('shared').remove();
  await docker.createVolume({ Name: 'unused' });
  const pruned = await docker.pruneVolumes({ filters: { all: ['true'] } });
  assert.deepEqual(pruned.VolumesDeleted, ['unused']);
});

test('copies: an archive in, its state, an archive out, also of a stopped container', async () => {
  const box = await running('copies', ['sleep', '1000']);
  const archive = tarOf([{ name: 'sub/file', data: 'from outside\n', mode: 0o640 }]);
  await box.putArchive(archive, { path: '/root' });
  assert.deepEqual(await run(box, ['sh', '-c', 'stat -c %a /root/sub/file; cat /root/sub/file']), {
    stdout: '640\nfrom outside\n',
    stderr: '',
    code: 0,
  });
  const info = await box.infoArchive({ path: '/root/sub/file' });
  const stat = JSON.parse(
    Buffer.from(String(info.headers['x-docker-container-path-stat']), 'base64').toString(),
  );
  assert.deepEqual([stat.name, stat.size], ['file', 13]);
  await box.stop({ t: 0 });
  const out = await buffer((await box.getArchive({ path: '/root/sub' })) as Readable);
  assert.match(out.toString('latin1'), /^sub\/\0[\s\S]*sub\/file\0[\s\S]*from outside\n/);
  await assert.rejects(box.getArchive({ path: '/nowhere' }), { statusCode: 404 });
  await assert.rejects(box.putArchive(archive, { path: '/etc/passwd' }), { statusCode: 400 });
  await box.remove();
});

test('statistics: one sample, and a stream of them', async () => {
  const box = await running('busy', ['sh', '-c', 'while :; do :; done'], {
    HostConfig: { Memory: 64 << 20, NanoCpus: 2e8 },
  });
  const once = await box.stats({ stream: false });
  assert.equal(once.memory_stats.limit, 64 << 20);
  assert.ok(once.cpu_stats.cpu_usage.total_usage > once.precpu_stats.cpu_usage.total_usage);
  const stream = await box.stats({ stream: true });
  const usages: number[] = [];
  for await (const chunk of stream) {
    for (const line of String(chunk).split('\n').filter(Boolean))
      usages.push(JSON.parse(line).cpu_stats.cpu_usage.total_usage);
    if (usages.length >= 2) break;
  }
  assert.ok((usages[1] ?? 0) > (usages[0] ?? 0));
  await box.remove({ force: true });
});

test('execs: both streams apart, a terminal of a size that changes, input, a detached one', async () => {
  const box = await running('execs', ['sleep', '1000']);
  assert.deepEqual(await run(box, ['sh', '-c', 'echo out; echo err >&2; exit 5']), {
    stdout: 'out\n',
    stderr: 'err\n',
    code: 5,
  });
  const shell = await box.exec({
    Cmd: ['sh', '-c', 'read word; stty size; echo "$word $VAR $(id -u)"; tty'],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    Env: ['VAR=value'],
    User: 'daemon',
  });
  const terminal = await shell.start({ hijack: true, stdin: true, Tty: true });
  await shell.resize({ h: 30, w: 100 });
  terminal.write('typed\n');
  const shown = await text(terminal);
  assert.match(shown, /^typed\r\n30 100\r\ntyped value 1\r\n\/dev\/pts\/\d+\r\n$/);
  const piped = await box.exec({ Cmd: ['wc', '-c'], AttachStdin: true, AttachStdout: true });
  const pipe = await piped.start({ hijack: true, stdin: true });
  const counted = demuxed(pipe);
  pipe.end('x'.repeat(200_000));
  assert.equal((await counted).stdout, '200000\n');
  const detached = await box.exec({ Cmd: ['touch', '/tmp/done'] });
  await detached.start({ Detach: true });
  for (let waited = 0; (await detached.inspect()).Running; waited += 20) {
    assert.ok(waited < 5000);
    await sleep(20);
  }
  assert.equal((await run(box, ['ls', '/tmp/done'])).code, 0);
  await box.remove({ force: true });
  await assert.rejects(shell.inspect(), { statusCode: 404 });
});

test('events: of the past and as they come, by filters', async () => {
  const since = Math.floor(Date.now() / 1000) - 1;
  const filters = { type: ['container' as const], label: ['watched=yes'] };
  const stream = await events({ filters });
  const box = await running('watched', ['true'], { Labels: { watched: 'yes' } });
  await box.wait();
  await box.remove();
  const seen: Array<{ Action: string; Actor: { Attributes: Record<string, string> } }> = [];
  for await (const chunk of stream) {
    for (const line of String(chunk).split('\n').filter(Boolean)) seen.push(JSON.parse(line));
    if (seen.at(-1)?.Action === 'destroy') break;
  }
  assert.deepEqual(
    seen.map(({ Action }) => Action),
    ['create', 'start', 'die', 'destroy'],
  );
  assert.equal(seen[2]?.Actor.Attributes['exitCode'], '0');
  const past = await text(
    await events({
      since,
      until: Math.floor(Date.now() / 1000) + 1,
      filters: { ...filters, event: ['die' as const] },
    }),
  );
  assert.equal(past.split('\n').filter(Boolean).length, 1);
});

test("images: tagged, pushed to a registry and pulled back, with and without a login; saved and loaded; Gantry's own registry", {
  timeout: 60_000,
}, async () => {
  const registry = await GantryRegistry.start();
  try {
    const name = `${registry.host}/team/box`;
    await docker.getImage('busybox').tag({ repo: name, tag: 'v1' });
    const pushed = await followed(
      await docker
        .getImage(`${name}:v1`)
        .push({ authconfig: { username: 'a', password: 'b', serveraddress: registry.host } }),
    );
    const digest = pushed.find(({ aux }) => aux?.Digest !== undefined)?.aux?.Digest ?? '';
    assert.match(digest, /^sha256:/);
    await docker.getImage(`${name}:v1`).remove();
    await assert.rejects(docker.getImage(`${name}:v1`).inspect(), { statusCode: 404 });
    const pulled = await followed(await docker.pull(`${name}:v1`, {}));
    assert.ok(
      pulled.some(({ status }) => status === `Digest: ${digest}`),
      JSON.stringify(pulled),
    );
    const image = await docker.getImage(`${name}:v1`).inspect();
    assert.deepEqual(image.RepoDigests, [`${name}@${digest}`]);
    await assert.rejects(docker.pull(`${registry.host}/team/none:v1`, {}), { statusCode: 404 });
    const archive = await buffer((await docker.getImage(`${name}:v1`).get()) as Readable);
    await docker.getImage(`${name}:v1`).remove();
    await followed(await docker.loadImage(Readable.from([archive])));
    assert.equal((await docker.getImage(`${name}:v1`).inspect()).Id, image.Id);
    assert.ok((await docker.getImage(`${name}:v1`).history()).length > 0);
    await docker.getImage(`${name}:v1`).remove();
  } finally {
    await registry.close();
  }
});

test('health checks, updates, logs that are followed, wait conditions', async () => {
  const box = await running(
    'healthy',
    ['sh', '-c', 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.2; done'],
    {
      Healthcheck: { Test: ['CMD-SHELL', 'test -e /tmp/ok'], Interval: 1e8, Timeout: 2e9, Retries: 2 },
      HostConfig: { Memory: 64 << 20, AutoRemove: true },
    },
  );
  const until = async (status: string): Promise<void> => {
    for (let waited = 0; ; waited += 50) {
      const { Health } = (await box.inspect()).State;
      if (Health?.Status === status) return;
      assert.ok(waited < 10_000, JSON.stringify(Health));
      await sleep(50);
    }
  };
  await until('unhealthy');
  await run(box, ['touch', '/tmp/ok']);
  await until('healthy');
  await box.update({ Memory: 96 << 20, MemorySwap: 96 << 20, RestartPolicy: { Name: '' } });
  assert.equal((await box.inspect()).HostConfig.Memory, 96 << 20);
  const logs = await box.logs({ follow: true, stdout: true, tail: 1, timestamps: true });
  const lines = demuxed(logs);
  const removed = box.wait({ condition: 'removed' });
  const next = box.wait({ condition: 'next-exit' });
  await sleep(500);
  await box.kill({ signal: 'KILL' });
  assert.deepEqual([(await next).StatusCode, (await removed).StatusCode], [137, 137]);
  assert.match((await lines).stdout, /^\d{4}-\d\d-\d\dT\S+Z line \d+\n\d{4}-\S+ line \d+\n/);
  await assert.rejects(box.inspect(), { statusCode: 404 });
});

test('attach before the start with a terminal; rename, top, changes, restart, commit, export', async () => {
  const box = await docker.createContainer({
    Image: 'busybox',
    name: 'screen',
    Cmd: ['sh', '-c', 'read a; echo "said $a"; touch /made; exec sleep 1000'],
    Tty: true,
    OpenStdin: true,
  });
  const stream = await box.attach({ stream: true, stdin: true, stdout: true, hijack: true });
  await box.start();
  stream.write('hello\r');
  let shown = '';
  while (!shown.includes('said hello')) {
    await once(stream, 'readable');
    shown += String(stream.read() ?? '');
  }
  stream.end();
  await box.rename({ name: 'renamed' });
  assert.equal((await box.inspect()).Name, '/renamed');
  const { Titles, Processes } = await box.top({ ps_args: '-o pid,args' });
  assert.deepEqual(Titles, ['PID', 'COMMAND']);
  assert.match(Processes[0]?.[1] ?? '', /sleep 1000/);
  const changes: Array<{ Path: string; Kind: number }> = await box.changes();
  assert.ok(changes.some(({ Path, Kind }) => Path === '/made' && Kind === 1));
  const committed: { Id: string } = await box.commit({ repo: 'mine', tag: 'one', comment: 'by dockerode' });
  assert.match(committed.Id, /^sha256:/);
  const exported = await buffer((await box.export()) as Readable);
  assert.ok(exported.includes('made\0'));
  await box.restart({ t: 0 });
  assert.equal((await box.inspect()).RestartCount, 0);
  await box.remove({ force: true });
  const pruned = await docker.pruneImages({ filters: { dangling: { false: true } } });
  assert.ok(
    pruned.ImagesDeleted?.some(({ Untagged }) => Untagged === 'mine:one'),
    JSON.stringify(pruned),
  );
});

test('what is left is pruned, and the host is described', async () => {
  await docker.createContainer({ Image: 'busybox', name: 'never-started' }).catch(async () => {
    // The prune before took the image, which nothing used.
    await daemon.loadBusybox();
    await docker.createContainer({ Image: 'busybox', name: 'never-started' });
  });
  const pruned = await docker.pruneContainers();
  assert.equal(pruned.ContainersDeleted?.length, 1);
  const [info, version, usage] = await Promise.all([docker.info(), docker.version(), docker.df()]);
  assert.equal(info.Containers, 0);
  assert.equal(version.ApiVersion, '1.51');
  assert.ok(usage.Images.length >= 1);
});
