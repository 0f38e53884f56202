/** Copies while the container does its worst: directories become links and back, and the host outside of it is never touched or read. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { countViews, viewsLeft } from '../support/views.ts';

let daemon: TestDaemon;
let scratch: string;
/** On the host, at a path that the container makes its links lead to. */
let target: string;
before(async () => {
  daemon = await TestDaemon.start();
  scratch = mkdtempSync(join(tmpdir(), 'gantry-hostile-'));
  target = join(scratch, 'target');
  mkdirSync(join(target, 'sub'), { recursive: true, mode: 0o700 });
  writeFileSync(join(target, 'secret'), 'SECRET-OF-THE-HOST');
  writeFileSync(join(target, 'sub/secret'), 'SECRET-OF-THE-HOST');
  writeFileSync(join(scratch, 'swapper.c'), swapper);
  execFileSync('gcc', ['-O1', '-static', '-o', join(scratch, 'swapper'), join(scratch, 'swapper.c')]);
});
after(async () => {
  await daemon.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Names, modes, owners, times and contents of the host's directory. */
function fingerprint(): string {
  const facts = execFileSync('find', [target, '-printf', '%p %m %u %g %T@ %C@ %n\n']).toString();
  return `${facts}${readFileSync(join(target, 'secret'))}${readFileSync(join(target, 'sub/secret'))}`;
}

/**
 * Exchanges directories with links (absolute ones, such as lead up, such as lead through /proc), thousands of times a second, and puts back what a copy
 * took away. Links lead to its first argument.
 */
const swapper = `
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
static void swap(const char *directory, const char *link, const char *to) {
  if (syscall(SYS_renameat2, AT_FDCWD, directory, AT_FDCWD, link, 2) == 0) return;
  mkdir(directory, 0777);
  if (symlink(to, link) < 0) unlink(link);
}
int main(int argc, char **argv) {
  char up[512], proc[512], sub[512];
  snprintf(up, sizeof up, "../../../../../../../..%s", argv[1]);
  snprintf(proc, sizeof proc, "/proc/1/root%s", argv[1]);
  snprintf(sub, sizeof sub, "%s/sub", argv[1]);
  umask(0);
  if (chdir("/work") < 0) return 1;
  for (;;) {
    swap("swap", "link-absolute", argv[1]);
    swap("swap", "link-up", up);
    swap("swap", "link-proc", proc);
    swap("swap/sub", "link-sub", sub);
    swap("swap/sub", "swap/link-sub", sub);
  }
}
`;

/** A tar of many files whose directories it does not have: they are found, or made, through the names that are exchanged. */
function archive(): Buffer {
  const source = mkdtempSync(join(scratch, 'source-'));
  mkdirSync(join(source, 'swap/sub/deep'), { recursive: true });
  for (let index = 0; index < 40; index += 1)
    for (const directory of ['swap', 'swap/sub', 'swap/sub/deep'])
      writeFileSync(join(source, directory, `file${index}`), 'WRITTEN-BY-THE-COPY');
  for (const name of ['swap/secret', 'swap/sub/secret'])
    writeFileSync(join(source, name), 'WRITTEN-BY-THE-COPY');
  execFileSync('mkfifo', [join(source, 'swap/pipe')]);
  return execFileSync('sh', ['-c', 'find swap ! -type d | sort -R | tar c -T -'], { cwd: source });
}

interface Answer {
  status: number;
  body: string;
}

function call(method: string, path: string, body?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { socketPath: daemon.socket, path: `/v1.51${path}`, method, timeout: 20_000 };
    const asked = request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', reject);
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString('latin1') }),
      );
    });
    asked.on('error', reject).on('timeout', () => asked.destroy(new Error('no answer')));
    asked.end(body);
  });
}

for (const user of ['root', 'nobody']) {
  test(`a container of ${user} that exchanges directories with links during copies`, async () => {
    const name = `swaps-${user}`;
    await daemon.ok([
      'run',
      '-d',
      '--name',
      name,
      '--cpus',
      '0.7',
      '-v',
      '/work',
      'busybox',
      'sleep',
      '1000',
    ]);
    await daemon.ok(['cp', join(scratch, 'swapper'), `${name}:/swapper`]);
    await daemon.ok(['exec', name, 'sh', '-c', `mkdir -p ${target}/sub; chmod -R 777 /work /tmp`]);
    await daemon.ok(['exec', '-d', '-u', user, name, '/swapper', target]);
    const before = fingerprint();
    const tar = archive();
    const ends = Date.now() + 4000;
    const outcome = { written: 0, refused: 0, read: 0 };
    const writing = async (until: number): Promise<void> => {
      while (Date.now() < until) {
        const { status } = await call('PUT', `/containers/${name}/archive?path=/work`, tar);
        outcome[status === 200 ? 'written' : 'refused'] += 1;
      }
    };
    const reading = async (): Promise<void> => {
      while (Date.now() < ends) {
        for (const path of ['/work', '/work/swap/', '/work/swap/sub/.', '/work/swap/secret']) {
          const { status, body } = await call('GET', `/containers/${name}/archive?path=${path}`);
          assert.ok(!body.includes('SECRET-OF-THE-HOST'), path);
          outcome.read += status === 200 ? 1 : 0;
        }
      }
    };
    await Promise.all([writing(ends), reading()]);
    assert.equal(fingerprint(), before);
    const { written, refused, read } = outcome;
    assert.ok(written + refused >= 10 && read >= 10, JSON.stringify(outcome));
    const landed = async (): Promise<boolean> =>
      /WRITTEN/.test(
        await daemon.ok(['exec', name, 'sh', '-c', `cat ${target}/file* ${target}/sub/file* | head -c 19`]),
      );
    // Where it led, it led in the container: until a write has met the moment in which the link is there.
    for (let seconds = 0; seconds < 30 && !(await landed()); seconds += 1) await writing(Date.now() + 1000);
    assert.ok(await landed());
    assert.equal(fingerprint(), before);
    await daemon.ok(['rm', '-fv', name]);
  });
}

test('archives that try to get out by themselves', async () => {
  await daemon.ok(['run', '-d', '--name', 'plain', 'busybox', 'sleep', '1000']);
  const before = fingerprint();
  const script = [
    'import io, sys, tarfile',
    'target = sys.argv[1]',
    'out = tarfile.open(fileobj=sys.stdout.buffer, mode="w|")',
    'def add(name, kind=tarfile.REGTYPE, link="", data=b"OUT"):',
    '    one = tarfile.TarInfo(name); one.type = kind; one.linkname = link; one.mode = 0o777',
    '    one.size = len(data) if kind == tarfile.REGTYPE else 0',
    '    out.addfile(one, io.BytesIO(data) if one.size else None)',
    'add("abs", tarfile.SYMTYPE, target); add("abs/secret")',
    'add("up", tarfile.SYMTYPE, "../" * 20 + target[1:]); add("up/secret"); add("up/sub/new")',
    'add("proc", tarfile.SYMTYPE, "/proc/self/root" + target); add("proc/secret")',
    'add("hard", tarfile.LNKTYPE, "abs/secret"); add("hard")',
    'add(target + "/absolute"); add("self", tarfile.SYMTYPE, "self")',
    'out.close()',
  ].join('\n');
  const tar = execFileSync('python3', ['-c', script, target]);
  await daemon.docker(['cp', '-', 'plain:/tmp'], { input: tar });
  const rising = execFileSync('tar', [
    'cP',
    '--transform',
    's,^,../../../../,',
    '-C',
    scratch,
    'target/secret',
  ]);
  const refused = await daemon.docker(['cp', '-', 'plain:/tmp'], { input: rising });
  assert.match(refused.stderr, /is outside of/);
  assert.equal(fingerprint(), before);
  // It all happened in the container.
  assert.equal(await daemon.ok(['exec', 'plain', 'cat', `${target}/secret`]), 'OUT');
});

test('a tree of 200 MB comes back as it went, while little of it is in the daemon’s memory', async () => {
  const source = join(scratch, 'large/tree');
  mkdirSync(source, { recursive: true });
  execFileSync(
    'sh',
    ['-c', 'for i in $(seq 40); do mkdir d$i; head -c 5242880 /dev/urandom >d$i/f; ln -s f d$i/l; done'],
    {
      cwd: source,
    },
  );
  await daemon.ok(['run', '-d', '--name', 'large', 'busybox', 'sleep', '1000']);
  let most = 0;
  const resident = (): number =>
    Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/status`, 'utf8'))?.[1]) / 1024;
  const first = resident();
  const watch = setInterval(() => {
    most = Math.max(most, resident());
  }, 20);
  try {
    await daemon.ok(['cp', source, 'large:/back']);
    await daemon.ok(['cp', 'large:/back', join(scratch, 'large')]);
  } finally {
    clearInterval(watch);
  }
  const sums = (path: string): string => {
    const listing = execFileSync(
      'sh',
      ['-c', 'find . -type f -exec sha256sum {} + | sort -k2; find . -printf "%P %m %l\\n" | sort'],
      {
        cwd: path,
      },
    );
    return createHash('sha256').update(listing).digest('hex');
  };
  assert.equal(sums(join(scratch, 'large/back')), sums(source));
  assert.ok(most - first < 150, `${first} MB before, ${most} MB at most`);
});

test('clients that go in the middle leave nothing behind', async () => {
  const children = [
    spawn('docker', ['-H', daemon.host, 'cp', 'large:/back', '-'], { stdio: ['ignore', 'pipe', 'ignore'] }),
    spawn('docker', ['-H', daemon.host, 'cp', '-', 'large:/tmp'], { stdio: ['pipe', 'ignore', 'ignore'] }),
  ];
  children[1]?.stdin
    ?.on('error', () => undefined)
    .write(execFileSync('tar', ['cC', scratch, 'target']).subarray(0, 1500));
  for (let waited = 0; waited < 5000 && countViews(daemon.pid) < 2; waited += 20)
    await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(countViews(daemon.pid), 2);
  for (const child of children) child.kill('SIGKILL');
  assert.equal(await viewsLeft(daemon.pid), 0);
  assert.equal(await daemon.ok(['restart', '-t', '0', 'large']), 'large');
});
