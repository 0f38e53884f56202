/** Containers under shims: streams, exit statuses, errors, namespaces. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { isEngineError } from '../../src/errors/engine-error.ts';
import type { RuntimeProgram } from '../../src/runtime/runtime-types.ts';
import { collect, crun, everything, Fixture, networkNamespaceOf, runc } from './runtime-fixture.ts';

let fixture: Fixture;
before(async () => {
  fixture = await Fixture.create();
});
after(async () => {
  await fixture.close();
});

const runtimes: ReadonlyArray<[string, RuntimeProgram]> = [
  ['crun', crun],
  ['runc', runc],
];
const newNetwork = { kind: 'new', setup: { inside: [], outside: [] } } as const;

for (const [name, runtime] of runtimes) {
  test(`${name}: both streams reach a client that attached before the start, and the status is recorded`, async () => {
    const request = fixture.request({ args: ['sh', '-c', 'echo out; echo err >&2; exit 7'], runtime });
    const prepared = await fixture.runtime.prepare(request);
    const attachment = await prepared.attach(everything);
    const running = await prepared.start();
    const output = await collect(attachment);
    assert.deepEqual(output, { stdout: 'out\n', stderr: 'err\n' });
    const status = await running.exited;
    assert.equal(status.exitCode, 7);
    assert.equal(status.oomKilled, false);
    assert.ok(Math.abs(status.finishedAt - Date.now()) < 10_000);
    await running.released;
    assert.deepEqual(await fixture.runtime.exitStatus(request.processId), status);
    await fixture.runtime.forget(request.processId);
    assert.equal(await fixture.runtime.exitStatus(request.processId), undefined);
  });

  test(`${name}: a terminal has its size, follows a resize and echoes`, async () => {
    const script = 'stty size; read line; stty size; echo got $line';
    const request = fixture.request({ args: ['sh', '-c', script], runtime, terminal: true, openStdin: true });
    const prepared = await fixture.runtime.prepare(request);
    const attachment = await prepared.attach({ ...everything, stdin: true });
    const running = await prepared.start();
    let stdout = '';
    for await (const { data } of attachment.output) {
      stdout += data;
      if (stdout !== '24 80\r\n') continue;
      await running.resize({ columns: 132, rows: 50 });
      attachment.input?.write('hello\n');
    }
    assert.equal(stdout, '24 80\r\nhello\r\n50 132\r\ngot hello\r\n');
    assert.equal((await running.exited).exitCode, 0);
    await running.released;
  });

  test(`${name}: signals end it with 128 + n, or reach its handler`, async () => {
    const plain = await start({ args: ['sleep', '100'], runtime });
    await assert.rejects(plain.kill(1000), (error: unknown) => isEngineError(error, 'invalid-argument'));
    await plain.kill(9);
    assert.equal((await plain.exited).exitCode, 137);
    await assert.rejects(plain.kill(9), (error: unknown) => isEngineError(error, 'not-found'));
    const script = 'trap "exit 42" TERM; echo ready; while :; do sleep 0.05; done';
    const request = fixture.request({ args: ['sh', '-c', script], runtime });
    const prepared = await fixture.runtime.prepare(request);
    const attachment = await prepared.attach(everything);
    const handler = await prepared.start();
    for await (const { data } of attachment.output) if (data.includes('ready')) await handler.kill(15);
    assert.equal((await handler.exited).exitCode, 42);
    await Promise.all([plain.released, handler.released]);
  });

  test(`${name}: a command that cannot be run fails in Docker's words and leaves nothing`, async () => {
    const cases: Array<[string[], RegExp]> = [
      [
        ['nosuch'],
        /OCI runtime create failed: .*exec: "nosuch": executable file not found in \$PATH: unknown$/,
      ],
      [['/nosuch'], /exec: "\/nosuch": stat \/nosuch: no such file or directory: unknown$/],
      [['/notexec'], /exec: "\/notexec": permission denied: unknown$/],
      [['/etc'], /exec: "\/etc": permission denied: unknown$/],
    ];
    for (const [args, message] of cases) {
      const request = fixture.request({ args, runtime });
      const prepared = await fixture.runtime.prepare(request);
      await assert.rejects(prepared.start(), (error: unknown) => {
        assert.ok(isEngineError(error, 'invalid-argument'));
        assert.match(error.message, message);
        return true;
      });
      assert.equal(existsSync(join(fixture.execRoot, 'shims', request.processId)), false);
    }
    await fixture.expectNothingLeft();
  });

  test(`${name}: joins the shim's new network namespace, and another's by path`, async () => {
    const request = fixture.request({ args: ['sleep', '100'], runtime, network: newNetwork });
    const running = await (await fixture.runtime.prepare(request)).start();
    assert.equal(networkNamespaceOf(running.pid), networkNamespaceOf(running.shimPid));
    assert.notEqual(networkNamespaceOf(running.pid), networkNamespaceOf('self'));
    const path = `/proc/${running.shimPid}/ns/net`;
    const joined = fixture.request({ args: ['sleep', '100'], runtime, network: { kind: 'path', path } });
    const second = await (await fixture.runtime.prepare(joined)).start();
    assert.equal(networkNamespaceOf(second.pid), networkNamespaceOf(running.pid));
    const host = await start({ args: ['sleep', '100'], runtime });
    assert.equal(networkNamespaceOf(host.pid), networkNamespaceOf('self'));
    for (const each of [running, second, host]) {
      await each.kill(9);
      await each.released;
    }
  });

  test(`${name}: net sysctls in the OCI config are allowed where the network is the container's own`, async () => {
    const request = fixture.request({
      args: ['cat', '/proc/sys/net/ipv4/ip_unprivileged_port_start'],
      runtime,
      network: newNetwork,
      mutate: (config) => {
        config.linux.sysctl = { 'net.ipv4.ip_unprivileged_port_start': '77' };
      },
    });
    const prepared = await fixture.runtime.prepare(request);
    const attachment = await prepared.attach(everything);
    const running = await prepared.start();
    assert.equal((await collect(attachment)).stdout, '77\n');
    await running.released;
  });

  test(`${name}: pause, resume and the list of processes`, async () => {
    const request = fixture.request({ args: ['sh', '-c', 'sleep 100 & sleep 100 & wait'], runtime });
    const running = await (await fixture.runtime.prepare(request)).start();
    let pids: number[] = [];
    for (let i = 0; i < 50 && pids.length < 3; i++)
      pids = await fixture.runtime.pids(request.containerId, runtime);
    assert.equal(pids.length, 3);
    assert.ok(pids.includes(running.pid));
    await fixture.runtime.pause(request.containerId, runtime);
    await fixture.runtime.resume(request.containerId, runtime);
    await running.kill(9);
    await running.released;
    await assert.rejects(fixture.runtime.pause(request.containerId, runtime), (error: unknown) =>
      isEngineError(error, 'not-found'),
    );
  });
}

async function start(options: Parameters<Fixture['request']>[0]) {
  return await (await fixture.runtime.prepare(fixture.request(options))).start();
}

test('what a container writes is in its upper layer, and no host path shows in its mounts', async () => {
  const request = fixture.request({ args: ['sh', '-c', 'echo data > /file; cat /proc/mounts'] });
  const prepared = await fixture.runtime.prepare(request);
  const attachment = await prepared.attach(everything);
  const running = await prepared.start();
  const { stdout } = await collect(attachment);
  await running.released;
  assert.doesNotMatch(stdout, new RegExp(fixture.dir));
  assert.equal(readFileSync(join(fixture.upper(request), 'file'), 'utf8'), 'data\n');
});

test('a container of 127 layers starts', async () => {
  const request = fixture.request({ args: ['true'] });
  if (request.kind.kind !== 'container' || request.kind.root === undefined) throw new Error('no root');
  const [top = '', base = ''] = request.kind.root.lower;
  const layers = Array.from({ length: 126 }, (_, index) =>
    join(top, `a-long-name-for-a-layer-of-the-image-${index}`),
  );
  await fixture.launcher.run({ argv: ['mkdir', ...layers] });
  const kind = { ...request.kind, root: { ...request.kind.root, lower: [...layers, base] } };
  const running = await (await fixture.runtime.prepare({ ...request, kind })).start();
  assert.equal((await running.exited).exitCode, 0);
  await running.released;
});

test('preparing fails with the step that failed, and leaves nothing', async () => {
  const request = fixture.request({ args: ['true'] });
  if (request.kind.kind !== 'container' || request.kind.root === undefined) throw new Error('no root');
  const kind = { ...request.kind, root: { ...request.kind.root, lower: ['/no/such/layer'] } };
  await assert.rejects(fixture.runtime.prepare({ ...request, kind }), /root file system: ENOENT/);
  const bad = { kind: 'new', setup: { inside: [Buffer.alloc(5)], outside: [] } } as const;
  await assert.rejects(
    fixture.runtime.prepare(fixture.request({ args: ['true'], network: bad })),
    /network \(inside, message 0\): EINVAL/,
  );
  await fixture.expectNothingLeft();
  assert.equal(existsSync(join(fixture.execRoot, 'shims', request.processId)), false);
});

test('the streams of one that cannot start, or is cancelled, just end', async () => {
  for (const act of ['start', 'cancel'] as const) {
    const prepared = await fixture.runtime.prepare(fixture.request({ args: ['nosuch'] }));
    const attachment = await prepared.attach(everything);
    await prepared[act]().catch(() => {});
    assert.deepEqual(await collect(attachment), { stdout: '', stderr: '' });
  }
});

test('a container can be started again at once', async () => {
  const request = fixture.request({ args: ['sh', '-c', 'echo $$ >> /count; cat /count'] });
  for (const expected of ['1\n', '1\n1\n']) {
    const prepared = await fixture.runtime.prepare(request);
    const attachment = await prepared.attach(everything);
    const running = await prepared.start();
    await running.exited;
    assert.equal((await collect(attachment)).stdout, expected);
  }
});

test('who attaches after the end is told', async () => {
  const running = await start({ args: ['true'] });
  await running.released;
  await assert.rejects(running.attach(everything), (error: unknown) => isEngineError(error, 'not-found'));
});

test('network parameters are set in the new namespace only', async () => {
  const name = 'ipv4/ip_unprivileged_port_start';
  const before = readFileSync(`/proc/sys/net/${name}`, 'utf8');
  const network = { kind: 'new', setup: { inside: [], outside: [], sysctls: { [name]: '55' } } } as const;
  const prepared = await fixture.runtime.prepare(
    fixture.request({ args: ['cat', `/proc/sys/net/${name}`], network }),
  );
  const attachment = await prepared.attach(everything);
  const running = await prepared.start();
  assert.equal((await collect(attachment)).stdout, '55\n');
  assert.equal(readFileSync(`/proc/sys/net/${name}`, 'utf8'), before);
  await running.released;
});

test('a prepared process that is cancelled is gone', async () => {
  const request = fixture.request({ args: ['true'], network: newNetwork });
  const prepared = await fixture.runtime.prepare(request);
  await prepared.cancel();
  assert.equal(existsSync(join(fixture.execRoot, 'shims', request.processId)), false);
  await fixture.expectNothingLeft();
});

test('a process ended for want of memory is told', async (context) => {
  const memory = ['/sys/fs/cgroup/memory', '/sys/fs/cgroup'].find((path) => existsSync(path)) ?? '';
  if (!existsSync('/sys/fs/cgroup/memory')) return context.skip('no v1 memory hierarchy');
  const request = fixture.request({
    args: [
      'sh',
      '-c',
      'head -c 100m /dev/zero | sort > /dev/null; dd if=/dev/zero of=/dev/null bs=100M count=1; exit 9',
    ],
    mutate: (config) => {
      config.linux.resources = { memory: { limit: 16 << 20, swap: 16 << 20 } };
    },
  });
  const oomFile = join(memory, 'gantry-runtime-test', request.containerId, 'memory.oom_control');
  const kind = { ...request.kind, oomFile } as typeof request.kind;
  const running = await (await fixture.runtime.prepare({ ...request, kind })).start();
  assert.equal((await running.exited).oomKilled, true);
  await running.released;
});

test('exec: streams, status, terminal, and errors', async () => {
  const request = fixture.request({ args: ['sleep', '100'] });
  const running = await (await fixture.runtime.prepare(request)).start();
  for (const terminal of [false, true]) {
    const exec = fixture.execRequest(request, { args: ['sh', '-c', 'echo out; exit 3'], terminal });
    const prepared = await fixture.runtime.prepare(exec);
    const attachment = await prepared.attach(everything);
    const process = await prepared.start();
    assert.equal((await collect(attachment)).stdout, terminal ? 'out\r\n' : 'out\n');
    assert.equal((await process.exited).exitCode, 3);
    await process.released;
  }
  const missing = await fixture.runtime.prepare(fixture.execRequest(request, { args: ['nosuch'] }));
  await assert.rejects(missing.start(), (error: unknown) => {
    assert.ok(isEngineError(error, 'invalid-argument'));
    assert.match(error.message, /^OCI runtime exec failed: .*"nosuch": executable file not found in \$PATH/);
    return true;
  });
  await running.kill(9);
  await running.released;
  const late = await fixture.runtime.prepare(fixture.execRequest(request, { args: ['true'] }));
  await assert.rejects(late.start(), (error: unknown) => isEngineError(error, 'not-found'));
});

test('exec: a background child that holds the output does not keep it open', async () => {
  const request = fixture.request({ args: ['sleep', '100'] });
  const running = await (await fixture.runtime.prepare(request)).start();
  const exec = fixture.execRequest(request, { args: ['sh', '-c', 'sleep 50 & echo done'] });
  const prepared = await fixture.runtime.prepare(exec);
  const attachment = await prepared.attach(everything);
  const started = Date.now();
  const process = await prepared.start();
  assert.equal((await collect(attachment)).stdout, 'done\n');
  await process.exited;
  assert.ok(Date.now() - started < 2000);
  await running.kill(9);
  await running.released;
});

test('twenty containers at once', async () => {
  const statuses = await Promise.all(
    Array.from({ length: 20 }, async (_, index) => {
      const running = await start({ args: ['sh', '-c', `exit ${index}`], network: newNetwork });
      const status = await running.exited;
      await running.released;
      return status.exitCode;
    }),
  );
  assert.deepEqual(
    statuses,
    Array.from({ length: 20 }, (_, index) => index),
  );
});

test('an exec root with a long name works', async () => {
  const deep = await Fixture.create();
  const { ShimRuntime } = await import('../../src/runtime/shim-runtime.ts');
  const execRoot = join(deep.dir, 'a'.repeat(100));
  const runtime = new ShimRuntime({ launcher: deep.launcher, execRoot });
  const request = deep.request({ args: ['echo', 'deep'], terminal: true });
  writeFileSync(join(deep.dir, 'unused'), '');
  const prepared = await runtime.prepare(request);
  const attachment = await prepared.attach(everything);
  const running = await prepared.start();
  assert.equal((await collect(attachment)).stdout, 'deep\r\n');
  await running.released;
  runtime.close();
  await deep.close();
});
