/** Other people's clients do their everyday jobs: dockerode, and docker-py from its package. */
import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { runProgram, TestDaemon } from '../support/daemon.ts';
import { GantryRegistry } from '../support/gantry-registry.ts';
import { pythonWithDocker } from '../support/python.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

test('dockerode: run, create, attach, exec, logs, inspect, stats of images, remove', async () => {
  const docker = new Docker({ socketPath: daemon.socket });
  assert.equal((await docker.ping()).toString(), 'OK');
  const container = await docker.createContainer({
    Image: 'busybox',
    name: 'node-client',
    Cmd: ['sh', '-c', 'read line; echo "got $line"; sleep 1000'],
    OpenStdin: true,
    Labels: { by: 'dockerode' },
  });
  const stream = await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  });
  await container.start();
  const output = new Promise<string>((resolve) => {
    const sink = new (class extends Writable {
      override _write(chunk: Buffer, _encoding: string, done: () => void): void {
        resolve(chunk.toString());
        done();
      }
    })();
    docker.modem.demuxStream(stream, sink, sink);
  });
  stream.write('hello\n');
  assert.equal(await output, 'got hello\n');
  const exec = await container.exec({ Cmd: ['echo', 'from exec'], AttachStdout: true });
  const execStream = await exec.start({});
  let text = '';
  execStream.on('data', (chunk: Buffer) => {
    text += chunk.subarray(8).toString();
  });
  await new Promise((resolve) => execStream.on('end', resolve));
  assert.equal(text, 'from exec\n');
  assert.equal((await exec.inspect()).ExitCode, 0);
  const listed = await docker.listContainers({ filters: { label: ['by=dockerode'] } });
  assert.deepEqual(
    listed.map(({ Names }) => Names),
    [['/node-client']],
  );
  assert.equal((await container.inspect()).State.Running, true);
  await container.stop({ t: 0 });
  await container.remove();
  await assert.rejects(container.inspect(), { statusCode: 404 });
});

test("docker-py: a day's work, from runs and execs to networks, copies, events, health and a registry", {
  timeout: 180_000,
}, async () => {
  const python = await pythonWithDocker();
  const script = fileURLToPath(new URL('../support/docker-py-day.py', import.meta.url));
  const registry = await GantryRegistry.start();
  try {
    const result = await runProgram([python, script, daemon.host, registry.host], { timeout: 120_000 });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /all done/);
  } finally {
    await registry.close();
  }
});
