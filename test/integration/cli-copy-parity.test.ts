/** `gantry cp`, `stats` and `update` beside the stock command line: the same names, places, errors and tables. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';

const skip = dockerCli === undefined ? 'this host has no docker CLI' : false;

/** Made on this host, and in each container. */
const tree =
  'rm -rf "$0"; mkdir -p "$0/dir/sub" "$0/empty"; cd "$0"; echo one >dir/one; echo two >dir/sub/two; chmod 640 dir/one; chmod 1750 dir/sub;' +
  'ln dir/one dir/hard; ln -s one dir/soft; ln -s dir todir; ln -s dir/one tofile; ln -s /nowhere dangling; echo file >file; mkfifo dir/pipe;' +
  'touch -h -d "2001-02-03 04:05:06" dir/one dir/soft dir/sub file dir';

/** Type, mode, size, time, link and name of all that is below; times of directories that the test itself writes to are left out. */
const listing = 'cd "$0" && find . -mindepth 1 -printf "%y %m %n %s %TY-%Tm-%Td %l %P\\n" | sort -k8';

function listed(path: string): string {
  const text = execFileSync('sh', ['-c', listing, path]).toString();
  // The size of a directory, and today's date of what was made now, say nothing.
  return text.replace(/^(d \S+ )\S+ \S+ /gm, '$1').replace(/ 20[2-9]\d-\d\d-\d\d /g, ' now ');
}

describe('the command lines', { skip }, () => {
  let daemon: TestDaemon;
  let scratch: string;
  const clients = { docker: dockerCli ?? '', gantry: 'bin/gantry' };
  type Client = keyof typeof clients;

  before(async () => {
    daemon = await TestDaemon.start();
    scratch = mkdtempSync(join(tmpdir(), 'gantry-cp-'));
    for (const client of ['docker', 'gantry'] as const) {
      execFileSync('sh', ['-c', tree, join(scratch, client)]);
      await daemon.ok(['run', '-d', '--name', `c-${client}`, 'busybox', 'sleep', '1000']);
      await daemon.ok(['exec', `c-${client}`, 'sh', '-c', tree.replaceAll('touch -h', 'touch'), '/data']);
    }
  });
  after(async () => {
    await daemon.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** LOCAL is this host's tree of the client, CONTAINER its container. */
  async function run(client: Client, line: string, input?: Buffer) {
    const [local, container] = [join(scratch, client), `c-${client}`];
    const args = line
      .split(' ')
      .map((arg) => arg.replaceAll('LOCAL', local).replaceAll('CONTAINER', container));
    const result = await runProgram([clients[client], '-H', daemon.host, ...args], input && { input });
    const plain = (text: string): string =>
      text
        .replaceAll(local, 'LOCAL')
        .replaceAll(container, 'CONTAINER')
        .replace(/[0-9a-f]{64}/g, 'ID')
        .replaceAll('docker', 'gantry')
        // Docker's client complains of its own pipes.
        .replace(/^time=.*\n/gm, '');
    return { code: result.code, stdout: plain(result.stdout), stderr: plain(result.stderr) };
  }

  async function both(line: string, input?: Buffer) {
    return { docker: await run('docker', line, input), gantry: await run('gantry', line, input) };
  }

  /** What a container has, without today's times. */
  async function inside(client: Client): Promise<string> {
    const copy = `"$0" -H ${daemon.host} cp c-${client}:/data - | tar tv --numeric-owner`;
    const { code, stdout } = await runProgram(['sh', '-c', copy, dockerCli ?? '']);
    assert.equal(code, 0);
    return stdout.replace(/ 20[2-9]\d-\d\d-\d\d \d\d:\d\d /g, ' now ');
  }

  async function sameTrees(): Promise<void> {
    assert.equal(listed(join(scratch, 'gantry')), listed(join(scratch, 'docker')));
    const [theirs, ours] = await Promise.all([inside('docker'), inside('gantry')]);
    assert.equal(ours, theirs);
  }

  const taken = [
    'cp CONTAINER:/data/file LOCAL/out-file',
    'cp CONTAINER:/data/file LOCAL',
    'cp CONTAINER:/data/file LOCAL/dir/one',
    'cp CONTAINER:/data/file LOCAL/tofile',
    'cp CONTAINER:/data/file LOCAL/dangling2/',
    'cp CONTAINER:/data/dir LOCAL/new-dir',
    'cp CONTAINER:/data/dir LOCAL/empty',
    'cp CONTAINER:/data/dir/ LOCAL/slash',
    'cp CONTAINER:/data/dir/. LOCAL/contents',
    'cp CONTAINER:/data/dir/. LOCAL/empty',
    'cp CONTAINER:/data/todir LOCAL/as-link',
    'cp CONTAINER:/data/todir/ LOCAL/through-link',
    'cp -L CONTAINER:/data/todir LOCAL/followed',
    'cp -L CONTAINER:/data/tofile LOCAL/empty',
    'cp -L CONTAINER:/data/tofile LOCAL/followed-file',
    'cp CONTAINER:/data/../data/./file LOCAL/odd',
    'cp CONTAINER:data/file LOCAL/relative',
    'cp -a CONTAINER:/data/dir LOCAL/archived',
    'cp LOCAL/file CONTAINER:/data/in-file',
    'cp LOCAL/file CONTAINER:/data/empty',
    'cp LOCAL/file CONTAINER:/data/empty/',
    'cp LOCAL/file CONTAINER:/data/tofile',
    'cp LOCAL/dir CONTAINER:/data/in-dir',
    'cp LOCAL/dir CONTAINER:/data/empty',
    'cp LOCAL/dir/. CONTAINER:/data/in-contents',
    'cp LOCAL/dir/. CONTAINER:/data/empty',
    'cp LOCAL/todir CONTAINER:/data/in-link',
    'cp LOCAL/todir/ CONTAINER:/data/in-through',
    'cp -L LOCAL/todir CONTAINER:/data/in-followed',
    'cp -L LOCAL/tofile CONTAINER:/data/empty',
    'cp LOCAL/dir CONTAINER:/data/todir',
    'cp -a LOCAL/dir CONTAINER:/data/in-archived',
    'cp CONTAINER:/data/file LOCAL/dir/pipe',
  ];
  for (const line of taken) {
    test(line, async () => {
      const { docker, gantry } = await both(line);
      assert.deepEqual(gantry, docker);
      await sameTrees();
    });
  }

  const refused = [
    'cp CONTAINER:/nope LOCAL/x',
    'cp CONTAINER:/data/dir LOCAL/file',
    'cp CONTAINER:/data/file LOCAL/nodir/x',
    'cp LOCAL/file CONTAINER:',
    'cp CONTAINER:/data/file /dev/null',
    'cp LOCAL/nope CONTAINER:/x',
    'cp LOCAL/dir CONTAINER:/data/file',
    'cp LOCAL/file CONTAINER:/nodir/',
    'cp LOCAL/file CONTAINER:/nodir/x',
    'cp LOCAL/file CONTAINER:/dev/null/x',
    'cp no-such-thing:/x LOCAL/x',
    'cp LOCAL/file no-such-thing:/x',
    'cp a b',
    'cp CONTAINER:/a other:/b',
    'cp CONTAINER:/x LOCAL/y LOCAL/z',
    'cp - CONTAINER:/data/file',
    'update CONTAINER',
    'update -m 1m CONTAINER',
    'update --cpus 900 CONTAINER',
    'update --restart sometimes CONTAINER',
    'update -m 500m no-such-thing',
    'stats --no-stream no-such-thing',
  ];
  for (const line of refused) {
    test(`${line} is refused`, async () => {
      const { docker, gantry } = await both(line);
      assert.notEqual(docker.code, 0);
      assert.deepEqual(gantry, docker);
    });
  }

  test('tars by standard input and output', async () => {
    const [theirs, ours] = await Promise.all(
      [dockerCli ?? '', 'bin/gantry'].map((client) =>
        runProgram([client, '-H', daemon.host, 'cp', 'c-docker:/data/dir', '-']),
      ),
    );
    assert.equal(ours?.stdout, theirs?.stdout);
    assert.match(theirs?.stdout ?? '', /^dir\/\0/);
    const archive = execFileSync('tar', ['cC', join(scratch, 'docker'), 'dir', 'file']);
    const sent = await both('cp - CONTAINER:/data/empty', archive);
    assert.deepEqual(sent.gantry, sent.docker);
    assert.equal((await run('gantry', 'exec CONTAINER cat /data/empty/file')).stdout, 'file\n');
  });

  const shown = [
    'update -m 500m --memory-swap 600m --cpus 1 --pids-limit 50 CONTAINER',
    'update --restart on-failure:3 --blkio-weight 300 CONTAINER',
    'stats --no-stream --format {{.Name}}|{{.ID}}|{{.PIDs}}|{{.Container}} CONTAINER',
    'stats --no-stream --no-trunc --format json CONTAINER',
  ];
  for (const line of shown) {
    test(line, async () => {
      const { docker, gantry } = await both(line);
      assert.equal(docker.code, 0);
      const steady = (text: string): string =>
        text.replace(/[0-9a-f]{12}/g, 'ID').replace(/"(CPUPerc|MemPerc|MemUsage|NetIO)":"[^"]*"/g, '"$1":""');
      assert.equal(steady(gantry.stdout), steady(docker.stdout));
      assert.equal(gantry.stderr, docker.stderr);
    });
  }

  test('the table of stats has the same columns', async () => {
    await daemon.ok(['create', '--name', 'idle', 'busybox']);
    const { docker, gantry } = await both('stats --no-stream -a idle');
    assert.deepEqual(gantry, docker);
    assert.match(
      gantry.stdout,
      /^CONTAINER ID +NAME +CPU % +MEM USAGE \/ LIMIT +MEM % +NET I\/O +BLOCK I\/O +PIDS\n/,
    );
  });
});
