/** `gantry/client` does a day's work with a gantryd, by every kind of connection, and the same with a real dockerd where there is one. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Client, createClient } from '../../src/client/client.ts';
import type { OutputChunk } from '../../src/client/output-chunks.ts';
import { drain } from '../../src/client/progress-stream.ts';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { makeAuthority, makeCertificate } from '../support/certificates.ts';
import { TestDaemon } from '../support/daemon.ts';
import { fakeSsh } from '../support/fake-ssh.ts';
import { buildBusyboxImage, busyboxArchive } from '../support/image-fixtures.ts';
import { noDockerd, PeerDockerd } from '../support/peer-dockerd.ts';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';
import { tarOf } from '../support/tar-writer.ts';

let daemon: TestDaemon;
let registry: TestRegistry;
let client: Client;
before(async () => {
  registry = await startRegistry();
  daemon = await TestDaemon.start({ busybox: false, hosts: ['tcp://127.0.0.1:0'], flags: ['--tls=false'] });
  client = createClient({ host: daemon.host, env: {} });
});
after(async () => {
  await daemon.close();
  await registry.stop();
});

const loop = 'trap "exit 7" TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.1; done';

async function first<T>(items: AsyncIterable<T>, count: number): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) if (found.push(item) === count) break;
  return found;
}

/** Everything that a daemon of any make and age can do without a registry. */
async function day(work: Client, prefix: string): Promise<void> {
  await images(work, prefix);
  await life(work, prefix);
  await streams(work, prefix);
  await surroundings(work, prefix);
}

async function images(work: Client, prefix: string): Promise<void> {
  // As the first call, and with a body: the version must be settled before.
  await drain(work.images.load(busyboxArchive(`${prefix}:1`)));
  await work.images.tag(`${prefix}:1`, `${prefix}-b`);
  const [found] = await work.images.list({ filters: { reference: `${prefix}-b` } });
  const { Id, Config } = await work.images.inspect(`${prefix}-b`);
  assert.deepEqual([found?.Id, Config?.Cmd], [Id, ['sh']]);
  assert.ok((await work.images.history(Id)).length >= 1);
  const saved = await (await work.images.save([`${prefix}:1`, `${prefix}-b`])).bytes();
  const removed = await work.images.remove(`${prefix}-b`);
  assert.deepEqual(removed, [{ Untagged: `${prefix}-b:latest` }]);
  await drain(work.images.load(saved));
  assert.equal((await work.images.inspect(`${prefix}-b:latest`)).Id, Id);
  await drain(
    work.images.import(tarOf([{ name: 'a', data: 'b' }]), {
      reference: `${prefix}-c:1`,
      changes: ['ENV A=b'],
    }),
  );
  assert.deepEqual((await work.images.inspect(`${prefix}-c:1`)).Config?.Env, ['A=b']);
  await assert.rejects(work.images.inspect(`${prefix}-none`), (error) => {
    assert.ok(isEngineError(error, 'not-found'));
    return error.status === 404 && /No such image/.test(error.message);
  });
}

async function life(work: Client, prefix: string): Promise<void> {
  const ran = await work.containers.run(
    {
      Image: `${prefix}:1`,
      Cmd: ['sh', '-c', 'cat; echo no >&2; exit 3'],
      HostConfig: { NetworkMode: 'none' },
    },
    { input: 'yes' },
  );
  assert.deepEqual(ran, { stdout: 'yes', stderr: 'no\n', exitCode: 3 });
  const settings = { Image: `${prefix}:1`, Cmd: ['sh', '-c', loop], Labels: { of: prefix } };
  const { Id } = await work.containers.create(settings, { name: `${prefix}-a` });
  await assert.rejects(work.containers.create(settings, { name: `${prefix}-a` }), { code: 'conflict' });
  assert.deepEqual([await work.containers.start(Id), await work.containers.start(Id)], [true, false]);
  await work.containers.rename(Id, `${prefix}-b`);
  const [row] = await work.containers.list({ filters: { label: [`of=${prefix}`] } });
  assert.deepEqual([row?.Id, row?.Names, row?.State], [Id, [`/${prefix}-b`], 'running']);
  await work.containers.pause(Id);
  assert.equal((await work.containers.inspect(Id)).State.Paused, true);
  await work.containers.unpause(Id);
  await work.containers.update(Id, { RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 2 } });
  assert.equal((await work.containers.inspect(Id)).HostConfig.RestartPolicy.MaximumRetryCount, 2);
  assert.ok((await work.containers.top(Id)).Processes.length >= 1);
  await work.containers.restart(Id, { timeout: 5 });
  const ended = work.containers.wait(Id, { condition: 'next-exit' });
  assert.deepEqual([await work.containers.stop(Id), await work.containers.stop(Id)], [true, false]);
  assert.equal((await ended).StatusCode, 7);
  const image = await work.containers.commit(Id, { reference: `${prefix}-d:1`, changes: ['CMD ["true"]'] });
  assert.deepEqual((await work.images.inspect(image)).Config?.Cmd, ['true']);
  const exported = await (await work.containers.export(Id)).bytes();
  assert.ok(exported.includes('bin/busybox'));
  await work.containers.remove(Id, { volumes: true });
  await assert.rejects(work.containers.inspect(Id), { code: 'not-found' });
}

async function streams(work: Client, prefix: string): Promise<void> {
  const began = new Date();
  const { Id } = await work.containers.create({
    Image: `${prefix}:1`,
    Cmd: ['sh', '-c', loop],
    OpenStdin: true,
  });
  const attached = await work.containers.attach(Id);
  await work.containers.start(Id);
  assert.equal((await first<OutputChunk>(attached, 1))[0]?.data.toString(), '1\n');
  const logged = await first(work.containers.logs(Id, { follow: true }), 3);
  assert.equal(
    logged.map(({ stream, data }) => `${stream} ${data.toString()}`).join(''),
    'stdout 1\nstdout 2\nstdout 3\n',
  );
  const [sample] = await first(work.containers.stats(Id), 1);
  assert.ok((sample?.cpu_stats.cpu_usage.total_usage ?? 0) > 0);
  assert.ok(((await work.containers.statsOnce(Id)).pids_stats.current ?? 0) >= 1);

  const exec = await work.containers.exec(Id, {
    Cmd: ['sh', '-c', 'read a; echo "got $a"; echo no >&2; exit 4'],
    AttachStdin: true,
  });
  await exec.write('that\n');
  exec.end();
  assert.deepEqual(await exec.text(), { stdout: 'got that\n', stderr: 'no\n' });
  assert.equal(await exec.exitCode(), 4);
  const terminal = await work.containers.exec(Id, { Cmd: ['sh', '-c', 'sleep 0.3; stty size'], Tty: true });
  await terminal.resize({ rows: 31, columns: 77 });
  assert.deepEqual(await terminal.text(), { stdout: '31 77\r\n', stderr: '' });

  await work.containers.archives.put(
    Id,
    '/tmp',
    tarOf([
      { name: 'dir/', type: 'directory' },
      { name: 'dir/file', data: 'content' },
    ]),
  );
  const stat = await work.containers.archives.stat(Id, '/tmp/dir/file');
  assert.deepEqual([stat.name, stat.size], ['file', 7]);
  const { content } = await work.containers.archives.get(Id, '/tmp/dir');
  assert.ok((await content.bytes()).includes('content'));
  await assert.rejects(work.containers.archives.get(Id, '/nowhere'), { code: 'not-found' });
  assert.ok((await work.containers.changes(Id)).some(({ Path }) => Path === '/tmp/dir/file'));

  const waiting = new AbortController();
  const aborted = assert.rejects(work.containers.wait(Id, { signal: waiting.signal }), {
    message: 'no patience',
  });
  setTimeout(() => waiting.abort(new Error('no patience')), 50);
  await aborted;
  await work.containers.remove(Id, { force: true });
  const happened = await first(
    work.system.events({ since: began, filters: { container: Id, type: 'container' } }),
    3,
  );
  assert.deepEqual(
    happened.map(({ Action }) => Action),
    ['create', 'attach', 'start'],
  );
}

async function surroundings(work: Client, prefix: string): Promise<void> {
  const volume = await work.volumes.create({ Name: prefix, Labels: { of: prefix } });
  assert.equal((await work.volumes.inspect(prefix)).Mountpoint, volume.Mountpoint);
  assert.deepEqual(
    (await work.volumes.list({ filters: { label: `of=${prefix}` } })).map(({ Name }) => Name),
    [prefix],
  );
  const { Id } = await work.networks.create({ Name: prefix, Labels: { of: prefix } });
  const settings = {
    Image: `${prefix}:1`,
    Cmd: ['sh', '-c', loop],
    HostConfig: { Binds: [`${prefix}:/data`] },
  };
  const container = await work.containers.create(settings);
  await work.containers.start(container.Id);
  await work.networks.connect(Id, container.Id, { endpoint: { Aliases: ['other'] } });
  assert.ok(container.Id in (await work.networks.inspect(prefix)).Containers);
  await work.networks.disconnect(Id, container.Id);
  await assert.rejects(work.volumes.remove(prefix), { code: 'conflict', status: 409 });
  await work.containers.remove(container.Id, { force: true });
  await work.networks.remove(Id);
  await work.volumes.remove(prefix);
  const [version, info, usage] = await Promise.all([
    work.system.version(),
    work.system.info(),
    work.system.diskUsage(),
  ]);
  assert.deepEqual([version.Os, info.OSType], ['linux', 'linux']);
  assert.ok((usage.Images ?? []).some(({ RepoTags }) => RepoTags?.includes(`${prefix}:1`)));
  assert.deepEqual(
    (await work.containers.prune({ filters: { label: `of=${prefix}` } })).ContainersDeleted ?? [],
    [],
  );
}

test('a day with gantryd at a UNIX socket', { timeout: 120_000 }, async () => {
  await day(client, 'unixday');
  assert.equal(client.version, '1.51');
});

test('a day with gantryd over TCP, in an old version of the API', { timeout: 120_000 }, async () => {
  const tcp = /tcp:\/\/127\.0\.0\.1:\d+/.exec(daemon.log())?.[0] ?? '';
  const old = createClient({ host: tcp, version: '1.41', env: {} });
  await day(old, 'tcpday');
  assert.equal(old.version, '1.41');
});

test('an ssh host, found in the environment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-library-'));
  const ssh = fakeSsh(
    folder,
    `${join(process.cwd(), 'bin')}:${process.env['PATH']}`,
    `GANTRY_HOST=${daemon.host}`,
  );
  const path = process.env['PATH'];
  process.env['PATH'] = `${ssh.folder}:${path}`;
  try {
    const remote = createClient({ env: { DOCKER_HOST: 'ssh://me@there' } });
    assert.equal((await remote.system.ping()).apiVersion, '1.51');
    assert.equal((await remote.system.info()).OSType, 'linux');
    assert.match(ssh.calls()[0] ?? '', /-l me -- there .*system dial-stdio/);
  } finally {
    process.env['PATH'] = path;
    rmSync(folder, { recursive: true, force: true });
  }
});

test('TLS on both sides, and what is wrong with it in words', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-library-tls-'));
  const authority = makeAuthority(folder, 'ca');
  const server = makeCertificate(folder, 'server', authority);
  const own = makeCertificate(folder, 'client', authority);
  const flags = [
    '--tlsverify',
    '--tlscacert',
    authority.certificate,
    '--tlscert',
    server.certificate,
    '--tlskey',
    server.key,
  ];
  const secured = await TestDaemon.start({ busybox: false, hosts: ['tcp://127.0.0.1:0'], flags });
  try {
    const host = /tcp:\/\/127\.0\.0\.1:\d+/.exec(secured.log())?.[0] ?? '';
    const ca = authority.certificate;
    const { certificate, key } = own;
    const trusted = createClient({ host, tls: { verify: true, ca, certificate, key } });
    assert.equal((await trusted.system.version()).Os, 'linux');
    await drain(trusted.images.load(busyboxArchive('tls:1')));
    const refused = { code: 'unauthorized', status: 401, message: /a client certificate .* is required/ };
    await assert.rejects(createClient({ host, tls: { verify: true, ca } }).system.ping(), refused);
  } finally {
    await secured.close();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('pulls and pushes, with progress, and what a registry refuses', async () => {
  const image = buildBusyboxImage({ extraLayers: [tarOf([{ name: 'own', data: randomBytes(100_000) }])] });
  await pushImage(registry.url, 'library/tool', '1', image);
  const name = `${registry.host}/library/tool`;
  const said: string[] = [];
  for await (const { id, status } of client.images.pull(`${name}:1`))
    said.push(`${id ?? ''} ${status ?? ''}`);
  assert.ok(
    said.some((line) => line.includes('Pull complete')),
    said.join('\n'),
  );
  await client.images.tag(`${name}:1`, `${name}:2`);
  await drain(client.images.push(`${name}:2`));
  assert.equal((await client.images.distribution(`${name}:2`)).Descriptor.digest.slice(0, 7), 'sha256:');
  await assert.rejects(drain(client.images.pull(`${name}:none`)), isEngineError);
});

test('a real dockerd', { skip: noDockerd ?? false, timeout: 240_000 }, async () => {
  const dockerd = await PeerDockerd.start();
  try {
    const docker = createClient({ host: dockerd.host, env: {} });
    await day(docker, 'dockerday');
    const { ApiVersion } = await docker.system.version();
    assert.equal(docker.version, Number(ApiVersion.slice(2)) < 51 ? ApiVersion : '1.51');
  } finally {
    await dockerd.stop();
  }
});
