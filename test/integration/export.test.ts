/** `docker export` and `docker diff` by the stock command line, of containers that run, have ended, or never ran. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

/** A moment from now, in seconds: all that has happened is told by then. */
const soon = (): string => String((Date.now() + 200) / 1000);

let daemon: TestDaemon;
let scratch: string;
before(async () => {
  daemon = await TestDaemon.start();
  scratch = mkdtempSync(join(tmpdir(), 'gantry-export-'));
});
after(async () => {
  await daemon.close();
  rmSync(scratch, { recursive: true });
});

function listTar(path: string): string[] {
  return execFileSync('tar', ['tvf', path, '--numeric-owner']).toString().trim().split('\n');
}

test('a running container’s files are exported as it sees them, without its volumes', async () => {
  const script =
    'echo hi >/etc/new; rm -r /home; ln -s /etc/new /link; chown 33:33 /var/www; echo v >/data/inside; echo up; sleep 100';
  await daemon.ok(['run', '-d', '--name', 'web', '-v', '/data', 'busybox', 'sh', '-c', script]);
  while ((await daemon.ok(['logs', 'web'])) !== 'up') await sleep(10);
  const path = join(scratch, 'web.tar');
  await daemon.ok(['export', '-o', path, 'web']);
  const names = listTar(path).map((line) => line.replace(/^(\S+ \S+) .*\d\d:\d\d /, '$1 '));
  for (const wanted of [
    '-rw-r--r-- 0/0 etc/new',
    'lrwxrwxrwx 0/0 link -> /etc/new',
    'drwxr-xr-x 33/33 var/www/',
    'drwxr-xr-x 0/0 proc/',
    'drwxr-xr-x 0/0 sys/',
    'lrwxrwxrwx 0/0 etc/mtab -> /proc/mounts',
    'drwxr-xr-x 0/0 dev/pts/',
    '-rwxr-xr-x 0/0 etc/hosts',
    '-rwxr-xr-x 0/0 bin/busybox',
  ])
    assert.ok(
      names.includes(wanted),
      `${wanted} in\n${names.filter((name) => !name.includes('bin/')).join('\n')}`,
    );
  assert.ok(names.some((name) => / data\/$/.test(name)));
  assert.ok(!names.some((name) => /home|data\/inside/.test(name)));
  const imported = await daemon.ok(['import', '-c', 'CMD ["cat","/etc/new"]', path, 'again:1']);
  assert.match(imported, /^sha256:/);
  assert.equal(await daemon.ok(['run', '--rm', 'again:1']), 'hi');
  const events = await daemon.ok([
    'events',
    '--since',
    '1m',
    '--until',
    soon(),
    '--filter',
    'event=export',
    '--format',
    '{{.Actor.Attributes.name}}',
  ]);
  assert.equal(events, 'web');
});

test('one that never ran, and one that ended', async () => {
  await daemon.ok(['create', '--name', 'made', 'busybox']);
  const first = join(scratch, 'made.tar');
  await daemon.ok(['export', '-o', first, 'made']);
  assert.ok(listTar(first).some((line) => / dev\/console$/.test(line)));
  await daemon.ok(['run', '--name', 'ended', 'busybox', 'touch', '/tmp/x']);
  const second = join(scratch, 'ended.tar');
  await daemon.ok(['export', '-o', second, 'ended']);
  const names = listTar(second).map((line) => line.split(' ').at(-1));
  assert.ok(names.includes('tmp/x') && names.includes('proc/'));
  assert.equal(await daemon.ok(['diff', 'ended']), 'C /tmp\nA /tmp/x');
  assert.equal(await daemon.ok(['diff', 'made']), '');
  const unknown = await daemon.docker(['export', '-o', join(scratch, 'no.tar'), 'nobody']);
  assert.notEqual(unknown.code, 0);
  assert.match(unknown.stderr, /No such container: nobody/);
});

test('diff tells what was added, changed and deleted, and not what the runtime made', async () => {
  const script = 'echo >>/etc/passwd; rm /etc/group; mkdir -p /new/deep; rm -r /var/spool; sleep 100';
  await daemon.ok(['run', '-d', '--name', 'changed', 'busybox', 'sh', '-c', script]);
  let lines = '';
  for (let tries = 0; tries < 200 && !lines.includes('D /var/spool'); tries += 1) {
    lines = await daemon.ok(['diff', 'changed']);
    await sleep(10);
  }
  assert.deepEqual(lines.split('\n').toSorted(), [
    'A /new',
    'A /new/deep',
    'C /etc',
    'C /etc/passwd',
    'C /var',
    'D /etc/group',
    'D /var/spool',
  ]);
  await daemon.ok(['run', '--name', 'untouched', '--tmpfs', '/run', 'busybox', 'true']);
  assert.equal(await daemon.ok(['diff', 'untouched']), 'A /run');
});

test('a client that reads nothing holds up nobody, and one that leaves ends its export', async () => {
  await daemon.ok(['run', '--name', 'big', 'busybox', 'sh', '-c', 'head -c 300000000 /dev/zero >/big']);
  const rss = (): number =>
    Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) * 1024;
  const before = rss();
  const asked = request({ socketPath: daemon.socket, path: '/containers/big/export' });
  const stalled = new Promise<void>((resolve) =>
    asked.on('response', (response) => {
      response.pause();
      resolve();
    }),
  );
  asked.on('error', () => {});
  asked.end();
  await stalled;
  await sleep(500);
  assert.ok(rss() - before < 60_000_000, `${rss() - before} bytes more`);
  const started = Date.now();
  await daemon.ok(['diff', 'big']);
  assert.ok(Date.now() - started < 2000);
  asked.destroy();
  const path = join(scratch, 'big.tar');
  await daemon.ok(['export', '-o', path, 'big']);
  assert.ok(statSync(path).size > 300_000_000);
});
