/** Processes beside a container's own. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createExec, inspectExec, startExec } from '../../src/engine/exec.ts';
import type { ExecConfig } from '../../src/engine/model.ts';
import { resizeExec } from '../../src/engine/resize.ts';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { TestEngine, textOf } from '../support/engine.ts';

let bench: TestEngine;
let id: string;
before(async () => {
  bench = await TestEngine.start();
  id = await bench.run(['sleep', '1000'], { config: { env: ['WHO=container', 'PATH=/bin'] } });
});
after(() => bench.close());

function execConfig(cmd: readonly string[], changes: Partial<ExecConfig> = {}): ExecConfig {
  return {
    attachStdin: false,
    attachStdout: true,
    attachStderr: true,
    tty: false,
    env: [],
    cmd: [...cmd],
    privileged: false,
    user: '',
    workingDir: '',
    ...changes,
  };
}

const plain = { detach: false, tty: false };

async function run(
  cmd: readonly string[],
  changes: Partial<ExecConfig> = {},
  input?: string,
): Promise<{ output: string; exitCode: number | null }> {
  const exec = await createExec(bench.engine, id, execConfig(cmd, changes));
  const session = await startExec(bench.engine, exec, plain);
  assert.ok(session !== undefined);
  session.input?.end(input);
  const output = await textOf(session.output);
  const { running, exitCode } = inspectExec(bench.engine, exec);
  assert.equal(running, false, 'the exit code is there when the output ends');
  return { output, exitCode };
}

test('output and exit code are there, also of the shortest process', async () => {
  assert.deepEqual(await run(['sh', '-c', 'echo hello; exit 5']), { output: 'hello\n', exitCode: 5 });
  for (let count = 0; count < 5; count += 1)
    assert.deepEqual(await run(['true']), { output: '', exitCode: 0 });
});

test('user, variables and working directory are those asked for', async () => {
  const { output } = await run(['sh', '-c', 'id -u; echo $WHO $MORE; pwd'], {
    user: '65534:65534',
    env: ['MORE=exec'],
    workingDir: '/tmp',
  });
  assert.equal(output, '65534\ncontainer exec\n/tmp\n');
});

test('input reaches the process, and its end too', async () => {
  const text = 'some text\n'.repeat(20_000);
  assert.deepEqual(await run(['cat'], { attachStdin: true }, text), { output: text, exitCode: 0 });
});

test('what cannot be executed is told in the place of output, as Docker does', async () => {
  const missing = await run(['no-such-command']);
  assert.equal(missing.exitCode, 127);
  assert.match(
    missing.output,
    /^OCI runtime exec failed: .*executable file not found in \$PATH: unknown\r\n$/,
  );
  const forbidden = await run(['/etc/passwd']);
  assert.equal(forbidden.exitCode, 126);
  assert.match(forbidden.output, /permission denied/);
  const nobody = await run(['true'], { user: 'nobody-here' });
  assert.match(nobody.output, /unable to find user nobody-here/);
});

test('a detached exec is thrown its failure, and answers nothing otherwise', async () => {
  const good = await createExec(bench.engine, id, execConfig(['true']));
  assert.equal(await startExec(bench.engine, good, { ...plain, detach: true }), undefined);
  const bad = await createExec(bench.engine, id, execConfig(['no-such-command']));
  await assert.rejects(startExec(bench.engine, bad, { ...plain, detach: true }), (error: unknown) =>
    isEngineError(error, 'invalid-argument'),
  );
});

/** Says the terminal's size once it is `size`: crun may start a process a moment before its terminal has one. */
function sized(size: string): string {
  return `until [ "$(stty size 2>&1)" = "${size}" ]; do sleep 0.01; done; stty size`;
}

test('a terminal has the size that was asked for, and is left by its keys', async () => {
  const exec = await createExec(
    bench.engine,
    id,
    execConfig(['sh', '-c', `${sized('30 90')}; read x; ${sized('40 70')}; read y`], {
      tty: true,
      attachStdin: true,
      detachKeys: 'ctrl-x,x',
    }),
  );
  const session = await startExec(bench.engine, exec, { ...plain, tty: true, consoleSize: [30, 90] });
  assert.ok(session !== undefined);
  let output = '';
  let resized = false;
  for await (const { data } of session.output) {
    output += data.toString();
    if (output.includes('30 90') && !resized) {
      resized = true;
      await resizeExec(bench.engine, exec, { rows: 40, columns: 70 });
      session.input?.write('\n');
    }
    if (output.includes('40 70')) session.input?.write('\x18x');
  }
  assert.match(output, /30 90[\s\S]*40 70/);
  assert.equal(inspectExec(bench.engine, exec).running, true);
});

test('an exec runs once, and needs a container that runs', async () => {
  const exec = await createExec(bench.engine, id, execConfig(['true']));
  await startExec(bench.engine, exec, { ...plain, detach: true });
  await assert.rejects(startExec(bench.engine, exec, plain), (error: unknown) =>
    isEngineError(error, 'conflict'),
  );
  const stopped = await bench.create(['true']);
  await assert.rejects(
    createExec(bench.engine, stopped, execConfig(['true'])),
    (error: unknown) =>
      isEngineError(error, 'conflict') && error.message === `container ${stopped} is not running`,
  );
  await assert.rejects(createExec(bench.engine, id, execConfig([])), (error: unknown) =>
    isEngineError(error, 'invalid-argument'),
  );
});
