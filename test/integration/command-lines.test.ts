/** Everyday work by the stock docker CLI, and the same by gantry. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});
afterEach(async () => {
  await daemon.removeAll();
});

const clients = [dockerCli, 'bin/gantry'].filter((path) => path !== undefined);

for (const client of clients) {
  describe(client, () => {
    before(() => {
      daemon.client = client;
    });
    everydayWork();
  });
}

function everydayWork(): void {
  test('run --rm prints what the process prints and leaves no container', async () => {
    const result = await daemon.docker(['run', '--rm', 'busybox', 'sh', '-c', 'echo out; echo err >&2']);
    assert.deepEqual(result, { code: 0, stdout: 'out\n', stderr: 'err\n' });
    assert.equal(await daemon.ok(['ps', '-aq']), '');
  });

  test("run ends with the process's own exit code, or Docker's for one that cannot start", async () => {
    const code = async (...args: string[]): Promise<number> =>
      (await daemon.docker(['run', '--rm', ...args])).code;
    assert.equal(await code('busybox', 'sh', '-c', 'exit 7'), 7);
    assert.equal(await code('busybox', 'no-such-program'), 127);
    assert.equal(await code('busybox', '/etc'), 126);
    assert.equal(await code('--no-such-flag', 'busybox'), 125);
    assert.equal(await code('-v', '/', 'busybox', 'true'), 125);
  });

  test('a missing command is named in the error', async () => {
    const result = await daemon.docker(['run', '--rm', 'busybox', 'no-such-program']);
    assert.match(result.stderr, /exec: "no-such-program": executable file not found in \$PATH/);
    assert.equal(await daemon.ok(['ps', '-aq']), '');
  });

  test('run -i pipes 100 MB through cat intact and half-closes', { timeout: 120_000 }, async () => {
    const input = randomBytes(100 * 1024 * 1024);
    const command = `${daemon.dockerArgv(['run', '--rm', '-i', 'busybox', 'cat']).join(' ')} | sha256sum`;
    const result = await runProgram(['sh', '-c', command], { input, timeout: 100_000 });
    assert.equal(result.stdout.split(' ')[0], createHash('sha256').update(input).digest('hex'));
  });

  test('run -i: the process sees the end of its input and answers after it', async () => {
    const result = await daemon.docker(['run', '--rm', '-i', 'busybox', 'sh', '-c', 'wc -c; echo after'], {
      input: 'hello\n',
    });
    assert.deepEqual(result, { code: 0, stdout: '6\nafter\n', stderr: '' });
  });

  test('run -d, ps, inspect, port, top, logs, stop and rm', async () => {
    const id = await daemon.ok([
      'run',
      '-d',
      '--name',
      'day',
      '-p',
      '127.0.0.1::80',
      'busybox',
      'sh',
      '-c',
      'echo one; echo two >&2; exec sleep 1000',
    ]);
    assert.match(id, /^[0-9a-f]{64}$/);
    assert.match(await daemon.ok(['ps']), /day\s*$/m);
    assert.equal(
      await daemon.ok(['ps', '--format', '{{.ID}} {{.Image}} {{.Names}} {{.State}}']),
      `${id.slice(0, 12)} busybox day running`,
    );
    assert.equal(
      await daemon.ok(['inspect', '--format', '{{.State.Status}} {{.Config.Image}} {{.Name}}', 'day']),
      'running busybox /day',
    );
    assert.match(await daemon.ok(['port', 'day']), /^80\/tcp -> 127\.0\.0\.1:\d+$/);
    assert.match(await daemon.ok(['top', 'day']), /sleep 1000/);
    assert.equal(await daemon.ok(['logs', 'day']), 'one');
    assert.match((await daemon.docker(['logs', 'day'])).stderr, /^two\n$/);
    assert.equal(await daemon.ok(['stop', '-t', '0', 'day']), 'day');
    assert.equal(await daemon.ok(['wait', 'day']), '137');
    assert.match(await daemon.ok(['ps', '-a', '--format', '{{.Status}}']), /^Exited \(137\) /);
    assert.equal(await daemon.ok(['rm', 'day']), 'day');
    assert.equal(await daemon.ok(['ps', '-aq']), '');
  });

  test('stop: TERM is 143 where it ends the process, KILL after the grace is 137', async () => {
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'polite',
      'busybox',
      'sh',
      '-c',
      'trap "exit 143" TERM; while :; do sleep 0.05; done',
    ]);
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'deaf',
      'busybox',
      'sh',
      '-c',
      'trap "" TERM; while :; do sleep 0.05; done',
    ]);
    await daemon.ok(['run', '-d', '--init', '--name', 'plain', 'busybox', 'sleep', '1000']);
    await sleep(300);
    await daemon.ok(['stop', '-t', '5', 'polite']);
    const begun = Date.now();
    await daemon.ok(['stop', '-t', '1', 'deaf']);
    assert.ok(Date.now() - begun >= 1000, 'the grace was kept');
    await daemon.ok(['stop', '-t', '5', 'plain']);
    assert.equal(await daemon.ok(['wait', 'polite', 'deaf', 'plain']), '143\n137\n143');
    await daemon.ok(['rm', 'polite', 'deaf', 'plain']);
  });

  test('kill -s sends that signal; restart keeps the container', async () => {
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'sig',
      'busybox',
      'sh',
      '-c',
      'trap "echo got usr1" USR1; echo up; while :; do sleep 0.05; done',
    ]);
    await sleep(300);
    await daemon.ok(['kill', '-s', 'USR1', 'sig']);
    await sleep(300);
    assert.match(await daemon.ok(['logs', 'sig']), /got usr1/);
    const started = await daemon.ok(['inspect', '-f', '{{.State.StartedAt}}', 'sig']);
    await daemon.ok(['restart', '-t', '0', 'sig']);
    assert.notEqual(await daemon.ok(['inspect', '-f', '{{.State.StartedAt}}', 'sig']), started);
    assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Running}}', 'sig']), 'true');
    assert.equal(await daemon.ok(['rm', '-f', 'sig']), 'sig');
  });

  test('logs: tail, since, timestamps and follow', async () => {
    await daemon.ok([
      'run',
      '-d',
      '--name',
      'talk',
      'busybox',
      'sh',
      '-c',
      'for i in 1 2 3 4 5; do echo line $i; sleep 0.2; done',
    ]);
    const followed = await daemon.ok(['logs', '-f', 'talk']);
    assert.equal(followed, 'line 1\nline 2\nline 3\nline 4\nline 5');
    assert.equal(await daemon.ok(['logs', '--tail', '2', 'talk']), 'line 4\nline 5');
    const stamped = (await daemon.ok(['logs', '-t', 'talk'])).split('\n');
    assert.match(stamped[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z line 1$/);
    const third = (stamped[2] ?? '').split(' ')[0] ?? '';
    assert.equal(await daemon.ok(['logs', '--since', third, 'talk']), 'line 3\nline 4\nline 5');
    assert.equal(await daemon.ok(['logs', '--until', third, 'talk']), 'line 1\nline 2\nline 3');
    await daemon.ok(['rm', 'talk']);
  });

  test('exec: output, exit codes, user, environment, directory, input', async () => {
    await daemon.ok(['run', '-d', '--name', 'box', 'busybox', 'sleep', '1000']);
    assert.equal(
      await daemon.ok([
        'exec',
        '-e',
        'A=b',
        '-w',
        '/tmp',
        '-u',
        '7:8',
        'box',
        'sh',
        '-c',
        'echo $A $PWD $(id -u):$(id -g)',
      ]),
      'b /tmp 7:8',
    );
    assert.equal((await daemon.docker(['exec', 'box', 'sh', '-c', 'exit 9'])).code, 9);
    assert.equal((await daemon.docker(['exec', 'box', 'no-such-program'])).code, 127);
    assert.equal(await daemon.ok(['exec', '-i', 'box', 'cat'], { input: 'through exec' }), 'through exec');
    assert.equal((await daemon.docker(['exec', '-d', 'box', 'sleep', '77'])).code, 0);
    assert.match(await daemon.ok(['top', 'box']), /sleep 77/);
    await daemon.ok(['rm', '-f', 'box']);
    assert.match((await daemon.docker(['exec', 'box', 'true'])).stderr, /No such container: box/);
  });

  test('events tells the life of a container', async () => {
    const since = String(Date.now() / 1000);
    await daemon.ok(['run', '--rm', '--name', 'lived', 'busybox', 'true']);
    await sleep(200);
    const until = String(Date.now() / 1000);
    const actions = await daemon.ok([
      'events',
      '--since',
      since,
      '--until',
      until,
      '--filter',
      'container=lived',
      '--format',
      '{{.Action}}',
    ]);
    assert.deepEqual(actions.split('\n'), ['create', 'attach', 'start', 'die', 'destroy']);
  });

  test('import, images, tag, history, rmi', async () => {
    const tar = await daemon.docker(['run', '--rm', 'busybox', 'sh', '-c', 'cd /etc && tar -c . | base64']);
    const input = Buffer.from(tar.stdout, 'base64');
    const id = await daemon.ok(['import', '--change', 'CMD ["true"]', '-', 'little:v1'], { input });
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.match(await daemon.ok(['images']), /little\s+v1/);
    await daemon.ok(['tag', 'little:v1', 'other/little:v2']);
    assert.equal(await daemon.ok(['inspect', '-f', '{{.Id}}', 'other/little:v2']), id);
    assert.match(await daemon.ok(['history', 'little:v1']), /IMAGE\s+CREATED/);
    assert.match(await daemon.ok(['rmi', 'little:v1']), /Untagged: little:v1/);
    assert.match(await daemon.ok(['rmi', 'other/little:v2']), /Deleted: sha256:/);
    assert.doesNotMatch(await daemon.ok(['images']), /little/);
  });

  test('commit, diff, export and import: what a container changed travels', async () => {
    await daemon.ok([
      'run',
      '--name',
      'changed',
      'busybox',
      'sh',
      '-c',
      'echo new >/root/file; rm /etc/group',
    ]);
    assert.deepEqual((await daemon.ok(['diff', 'changed'])).split('\n').sort(), [
      'A /root/file',
      'C /etc',
      'C /root',
      'D /etc/group',
    ]);
    const flags = ['-a', 'me', '-m', 'why', '-c', 'CMD ["cat","/root/file"]', '-c', 'LABEL made=here'];
    const id = await daemon.ok(['commit', ...flags, 'changed', 'made:1']);
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(await daemon.ok(['run', '--rm', 'made:1']), 'new');
    const format = '{{.Author}}|{{.Comment}}|{{.Config.Labels.made}}|{{.Id}}';
    assert.equal(await daemon.ok(['image', 'inspect', '-f', format, 'made:1']), `me|why|here|${id}`);
    const files = join(daemon.root, 'files.tar');
    await daemon.ok(['export', '-o', files, 'changed']);
    await daemon.ok(['import', '-c', 'CMD ["sh"]', files, 'flat:1']);
    assert.equal(await daemon.ok(['run', '--rm', 'flat:1', 'cat', '/root/file']), 'new');
    assert.equal((await daemon.docker(['run', '--rm', 'flat:1', 'test', '-e', '/etc/group'])).code, 1);
    await daemon.ok(['rm', 'changed']);
    await daemon.ok(['rmi', 'made:1', 'flat:1']);
  });

  test('save and load: several images in one archive, by file and by pipe', async () => {
    await daemon.ok(['tag', 'busybox', 'one:1']);
    await daemon.ok(['tag', 'busybox', 'two:2']);
    const archive = join(daemon.root, 'images.tar');
    await daemon.ok(['save', '-o', archive, 'one:1', 'two:2']);
    assert.equal(statSync(archive).mode & 0o777, 0o600);
    await daemon.ok(['rmi', 'one:1', 'two:2']);
    assert.equal(await daemon.ok(['load', '-i', archive]), 'Loaded image: one:1\nLoaded image: two:2');
    const pipe = `${daemon.dockerArgv(['save', 'one:1']).join(' ')} | ${daemon.dockerArgv(['load', '-q']).join(' ')}`;
    assert.deepEqual(await runProgram(['sh', '-c', pipe]), {
      code: 0,
      stdout: 'Loaded image: one:1\n',
      stderr: '',
    });
    const refused = await daemon.docker(['save', '-o', '/dev/null', 'one:1']);
    assert.deepEqual(
      [refused.code, refused.stderr],
      [1, 'failed to save image: cannot write to a character device file\n'],
    );
    await daemon.ok(['rmi', 'one:1', 'two:2']);
  });

  test('two attaches at once get the same output, and one may send input', async () => {
    await daemon.ok([
      'run',
      '-d',
      '-i',
      '--name',
      'both',
      'busybox',
      'sh',
      '-c',
      'read line; echo "got $line"',
    ]);
    const first = daemon.docker(['attach', '--no-stdin', 'both']);
    await sleep(200);
    const second = daemon.docker(['attach', 'both'], { input: 'hello\n' });
    assert.deepEqual([(await first).stdout, (await second).stdout], ['got hello\n', 'got hello\n']);
    await daemon.ok(['rm', 'both']);
  });

  test('rename, pause and unpause', async () => {
    await daemon.ok(['run', '-d', '--name', 'before', 'busybox', 'sleep', '1000']);
    await daemon.ok(['rename', 'before', 'renamed']);
    await daemon.ok(['pause', 'renamed']);
    assert.match(await daemon.ok(['ps', '--format', '{{.Names}} {{.Status}}']), /^renamed Up .*\(Paused\)$/);
    assert.match((await daemon.docker(['exec', 'renamed', 'true'])).stderr, /is paused/);
    await daemon.ok(['unpause', 'renamed']);
    await daemon.ok(['rm', '-f', 'renamed']);
  });

  test('volumes: named, anonymous, bind, tmpfs and read-only', async () => {
    await daemon.ok(['volume', 'create', 'kept']);
    await daemon.ok(['run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', 'echo saved >/data/file']);
    assert.equal(
      await daemon.ok(['run', '--rm', '-v', 'kept:/data:ro', 'busybox', 'cat', '/data/file']),
      'saved',
    );
    const refused = await daemon.docker([
      'run',
      '--rm',
      '-v',
      'kept:/data:ro',
      'busybox',
      'touch',
      '/data/x',
    ]);
    assert.match(refused.stderr, /Read-only file system/);
    assert.equal(
      await daemon.ok([
        'run',
        '--rm',
        '--mount',
        `type=bind,src=${daemon.root},dst=/r,ro`,
        'busybox',
        'ls',
        '/r/daemon.json',
      ]),
      '/r/daemon.json',
    );
    assert.match(
      await daemon.ok(['run', '--rm', '--tmpfs', '/t:size=1m', 'busybox', 'df', '-k', '/t']),
      /1024/,
    );
    const other = await daemon.docker(['volume', 'rm', 'nothing']);
    assert.match(other.stderr, /no such volume/);
    await daemon.ok(['volume', 'rm', 'kept']);
  });
}
