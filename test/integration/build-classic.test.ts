/** The stock docker CLI builds with the classic API: its flags, its output, its errors, its end. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, describe, test } from 'node:test';
import { type CommandResult, dockerCli, TestDaemon } from '../support/daemon.ts';
import { tarOf } from '../support/tar-writer.ts';
import { until } from '../support/until.ts';

describe('docker build, classic', {
  skip: dockerCli === undefined ? 'this host has no docker CLI' : false,
}, () => {
  let daemon: TestDaemon;
  let folder: string;
  before(async () => {
    daemon = await TestDaemon.start();
  });
  after(() => daemon.close());
  beforeEach((t) => {
    folder = mkdtempSync(join(tmpdir(), 'gantry-classic-'));
    if ('after' in t) t.after(() => rmSync(folder, { recursive: true, force: true }));
  });

  const env = { DOCKER_BUILDKIT: '0' };
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  const build = (...args: string[]): Promise<CommandResult> =>
    daemon.docker(['build', ...args, folder], { env });

  test('steps in the order of the Dockerfile, the IDs, the tags', async () => {
    write('file', 'content');
    write(
      'Dockerfile',
      'FROM busybox AS a\nRUN sleep 0.5; echo first\nFROM busybox\nENV k=v\nRUN echo second >&2\nCOPY --from=a /bin/true /t\nCMD ["true"]\n',
    );
    const { code, stdout, stderr } = await build('-t', 'one', '-t', 'host/two:3');
    assert.equal(code, 0, stderr);
    const plain = stdout.replace(/\b[0-9a-f]{12}\b/g, 'ID').replace(/^Sending[^\n]*\n/, '');
    assert.equal(
      plain,
      `Step 1/7 : FROM busybox AS a
 ---> ID
Step 2/7 : RUN sleep 0.5; echo first
 ---> Running in ID
first
 ---> Removed intermediate container ID
 ---> ID
Step 3/7 : FROM busybox
 ---> ID
Step 4/7 : ENV k=v
 ---> ID
Step 5/7 : RUN echo second >&2
 ---> Running in ID
\u001b[91msecond
\u001b[0m ---> Removed intermediate container ID
 ---> ID
Step 6/7 : COPY --from=a /bin/true /t
 ---> ID
Step 7/7 : CMD ["true"]
 ---> ID
Successfully built ID
Successfully tagged one:latest
Successfully tagged host/two:3
`,
    );
    const built = /Successfully built (\w{12})/.exec(stdout)?.[1] ?? '';
    const image = await daemon.ok([
      'image',
      'inspect',
      '-f',
      '{{.Id}} {{.Config.Env}} {{.Config.Cmd}}',
      'host/two:3',
    ]);
    assert.match(image, new RegExp(`^sha256:${built}.* k=v\\] \\[true\\]$`));
    const again = await build('-t', 'one');
    assert.match(again.stdout, /Step 2\/7 : .*\n ---> Using cache\n/);
    assert.ok(!again.stdout.includes('Running in'));
  });

  test('-q, --iidfile, arguments, labels, a target, another file, limits', async () => {
    write('Other', 'FROM busybox AS x\nARG A\nARG B=b\nRUN echo $A$B > /ab\nFROM x AS y\nRUN exit 1\n');
    const iid = join(folder, 'iid');
    const flags = [
      '-q',
      '-f',
      join(folder, 'Other'),
      '--iidfile',
      iid,
      '--build-arg',
      'A=a',
      '--label',
      'l=m',
    ];
    const { code, stdout, stderr } = await build(
      ...flags,
      '--target',
      'x',
      '-m',
      '64m',
      '--add-host',
      'h:1.2.3.4',
    );
    assert.equal(code, 0, stderr);
    const id = stdout.trim();
    assert.match(id, /^sha256:[0-9a-f]{64}$/);
    assert.equal(readFileSync(iid, 'utf8').trim(), id);
    assert.equal(await daemon.ok(['run', '--rm', id, 'cat', '/ab']), 'ab');
    assert.equal(await daemon.ok(['image', 'inspect', '-f', '{{.Config.Labels}}', id]), 'map[l:m]');
  });

  test('an argument that nothing takes is warned of', async () => {
    write('Dockerfile', 'FROM busybox\n');
    const { stdout } = await build('--build-arg', 'NOPE=1');
    assert.match(stdout, /\[Warning\] One or more build-args \[NOPE\] were not consumed\nSuccessfully built/);
  });

  test('a command that fails', async () => {
    write('Dockerfile', 'FROM busybox\nRUN echo out; exit 7\nRUN true\n');
    const { code, stdout, stderr } = await build('-t', 'never');
    assert.equal(code, 7);
    assert.match(stdout, /Step 2\/3 : RUN echo out; exit 7\n ---> Running in \w{12}\nout\n$/);
    assert.match(stderr, /The command '\/bin\/sh -c echo out; exit 7' returned a non-zero code: 7/);
    assert.equal((await daemon.docker(['image', 'inspect', 'never'])).code, 1);
  });

  test('a file that is not there', async () => {
    write('Dockerfile', 'FROM busybox\nCOPY nofile /\n');
    const { code, stderr } = await build();
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^COPY failed: file not found in build context or excluded by .dockerignore: stat .*nofile: file does not exist$/m,
    );
  });

  const refused: ReadonlyArray<readonly [dockerfile: string, args: string[], message: RegExp]> = [
    [
      'FROM busybox\nFOO x\n',
      [],
      /Error response from daemon: dockerfile parse error on line 2: unknown instruction: FOO/,
    ],
    ['', [], /the Dockerfile \(Dockerfile\) cannot be empty/],
    [
      'FROM busybox\n',
      ['--target', 'nope'],
      /target stage "?nope"? could not be found|failed to reach build target nope/,
    ],
    ['FROM busybox\n', ['-m', '1m'], /Minimum memory limit allowed is 6MB/],
    ['FROM busybox\n', ['--security-opt', 'x=y'], /does not support setting security options on build/],
  ];
  for (const [dockerfile, args, message] of refused) {
    test(`${JSON.stringify(dockerfile)} ${args.join(' ')} is refused before anything is done`, async () => {
      write('Dockerfile', dockerfile);
      const { code, stdout, stderr } = await build(...args);
      assert.equal(code, 1);
      assert.match(stderr, message);
      assert.ok(!stdout.includes('Step'));
    });
  }

  test('a Dockerfile and a tar at an address', async () => {
    const tar = tarOf([
      { name: 'Dockerfile', data: 'FROM busybox\nCOPY f /f\n' },
      { name: 'f', data: 'fetched' },
    ]);
    const server = createServer((request, response) => {
      response.end(request.url === '/c.tar' ? tar : 'FROM busybox\nENV of=text\n');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    try {
      const fromTar = await daemon.docker(['build', '-q', `http://127.0.0.1:${port}/c.tar`], { env });
      assert.equal(fromTar.code, 0, fromTar.stderr);
      assert.equal(await daemon.ok(['run', '--rm', fromTar.stdout.trim(), 'cat', '/f']), 'fetched');
      const fromText = await daemon.docker(['build', '-q', `http://127.0.0.1:${port}/Dockerfile`], { env });
      assert.equal(fromText.code, 0, fromText.stderr);
      assert.match(
        await daemon.ok(['image', 'inspect', '-f', '{{.Config.Env}}', fromText.stdout.trim()]),
        /of=text/,
      );
    } finally {
      server.close();
    }
  });

  test('a client that goes ends the build, and nothing of it is left', async () => {
    const marker = `3${process.pid}`;
    write('Dockerfile', `FROM busybox\nRUN sleep ${marker}\n`);
    const client = spawn(dockerCli ?? '', ['-H', daemon.host, 'build', '-t', 'gone', folder], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    client.stdout.on('data', (chunk) => {
      text += chunk;
    });
    await until(() => text.includes('Step 2/2') && isRunning(marker));
    client.kill('SIGKILL');
    await until(() => !isRunning(marker), 10_000);
    assert.equal((await daemon.docker(['image', 'inspect', 'gone'])).code, 1);
  });

  test('the cache is counted, pruned, and told of as an event', async () => {
    write('Dockerfile', 'FROM busybox\nRUN head -c 100000 /dev/zero > /zeros\n');
    assert.equal((await build('-q')).code, 0);
    const begun = Math.floor(Date.now() / 1000);
    assert.match(await daemon.ok(['system', 'df']), /^Build Cache +[1-9]/m);
    const pruned = await daemon.ok(['builder', 'prune', '-af']);
    assert.match(pruned, /^Deleted build cache objects:\n[\s\S]*^Total reclaimed space: \d/m);
    assert.match(await daemon.ok(['system', 'df']), /^Build Cache +0 /m);
    const until = String(Math.floor(Date.now() / 1000) + 1);
    const events = await daemon.ok([
      'events',
      '--since',
      String(begun),
      '--until',
      until,
      '--filter',
      'type=builder',
    ]);
    assert.match(events, /builder prune +\(reclaimed=\d+\)/);
    const bad = await daemon.docker(['builder', 'prune', '-f', '--filter', 'colour=red']);
    assert.match(bad.stderr, /invalid filter 'colour'/);
  });
});

/** Is there a process that sleeps for so many seconds? */
function isRunning(sleeping: string): boolean {
  return spawnSync('pgrep', ['-fx', `sleep ${sleeping}`]).status === 0;
}
