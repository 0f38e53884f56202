/** `fd://`: the daemon serves sockets that were opened before it, as systemd does. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from '../support/daemon.ts';

const folder = mkdtempSync(join(tmpdir(), 'gantry-fd-'));
after(() => rmSync(folder, { recursive: true }));

/** Opens sockets on descriptors 3 and 4, then becomes the daemon: the PID stays, as with systemd. */
const activator = `
import os, socket, sys
unix = socket.socket(socket.AF_UNIX); unix.bind(sys.argv[1]); unix.listen(16)
tcp = socket.socket(); tcp.bind(('127.0.0.1', 0)); tcp.listen(16)
open(sys.argv[2], 'w').write(str(tcp.getsockname()[1]))
for target, source in ((13, unix.fileno()), (14, tcp.fileno())): os.dup2(source, target)
for target, source in ((3, 13), (4, 14)): os.dup2(source, target, inheritable=True)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS='2')
os.execv(sys.argv[3], sys.argv[3:])
`;

function activate(
  name: string,
  flags: readonly string[],
): ChildProcess & { socket: string; port: string; log: string } {
  const root = join(folder, name);
  const [socket, port, log] = [`${root}.sock`, `${root}.port`, `${root}.log`];
  writeFileSync(`${root}.py`, activator);
  const daemon = [
    ...[process.execPath, 'dist/gantryd.js', '--data-root', `${root}-data`, '--exec-root', `${root}-exec`],
    ...[
      '--pidfile',
      `${root}.pid`,
      '--config-file',
      '/dev/null',
      '--bridge',
      'none',
      '-H',
      'fd://',
      ...flags,
    ],
  ];
  const child = spawn(
    '/bin/sh',
    ['-c', `exec python3 "$0" "$@" > ${log} 2>&1`, `${root}.py`, socket, port, ...daemon],
    {
      stdio: 'ignore',
    },
  );
  return Object.assign(child, { socket, port, log });
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await gone;
}

test('both sockets are served, and left to systemd in the end', { timeout: 30_000 }, async () => {
  const child = activate('both', ['--tls=false']);
  try {
    for (let waited = 0; waited < 10_000 && !logOf(child).includes('completed'); waited += 50)
      await sleep(50);
    const port = readFileSync(child.port, 'utf8');
    for (const host of [`unix://${child.socket}`, `tcp://127.0.0.1:${port}`]) {
      const { code, stdout, stderr } = await runProgram(['bin/gantry', '-H', host, 'ps', '-q']);
      assert.deepEqual([code, stdout], [0, ''], `${host}: ${stderr}${logOf(child)}`);
    }
    assert.match(logOf(child), new RegExp(`http://127\\.0\\.0\\.1:${port} WITHOUT ENCRYPTION`));
  } finally {
    await stop(child);
  }
  assert.ok(existsSync(child.socket), 'systemd made the socket, and keeps it for the next start');
});

test('a TCP socket is under the same rules as one of our own', { timeout: 30_000 }, async () => {
  const child = activate('refused', []);
  await new Promise((resolve) => child.once('exit', resolve));
  assert.equal(child.exitCode, 1);
  assert.match(logOf(child), /refusing to listen on TCP without TLS/);
});

function logOf({ log }: { log: string }): string {
  return existsSync(log) ? readFileSync(log, 'utf8') : '';
}
