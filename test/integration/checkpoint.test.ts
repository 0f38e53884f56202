/**
 * Checkpoints by the stock command line. CRIU is on few hosts and fails on new kernels: a runtime that saves nothing but a mark, and runs anew in place of
 * restoring, stands before runc, so that all else is real.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
const directory = mkdtempSync(join(tmpdir(), 'gantry-checkpoint-'));

const saving = `#!/bin/bash
args=() image= leave= mode=
while [ $# -gt 0 ]; do
  case $1 in
    checkpoint) mode=checkpoint ;;
    restore) mode=restore; args+=(run) ;;
    --image-path) image=$2; shift ;;
    --work-path) shift ;;
    --leave-running) leave=1 ;;
    *) args+=("$1") ;;
  esac
  shift
done
if [ "$mode" = checkpoint ]; then
  echo pages > "$image/pages.img"
  [ -n "$leave" ] || runc "\${args[@]:0:\${#args[@]}-1}" kill "\${args[-1]}" KILL
  exit 0
fi
if [ "$mode" = restore ]; then [ -e "$image/pages.img" ] || exit 9; touch "$image/restored"; fi
exec runc "\${args[@]}"
`;
const failing = `#!/bin/bash
case " $* " in *" checkpoint "*) echo 'criu binary not found' >&2; exit 1 ;; esac
exec runc "$@"
`;

before(async () => {
  for (const [name, script] of [
    ['saving', saving],
    ['failing', failing],
  ] as const) {
    writeFileSync(join(directory, name), script, { mode: 0o755 });
  }
  daemon = await TestDaemon.start({
    flags: [
      '--experimental',
      ...['saving', 'failing'].flatMap((name) => ['--add-runtime', `${name}=${join(directory, name)}`]),
    ],
  });
});
after(async () => {
  await daemon.close();
  rmSync(directory, { recursive: true, force: true });
});

function status(name: string): Promise<string> {
  return daemon.ok(['inspect', '-f', '{{.State.Status}}', name]);
}

test('a container ends with its checkpoint, and goes on from it', async () => {
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'work',
    '--restart',
    'always',
    '--runtime',
    'saving',
    'busybox',
    'sleep',
    '1000',
  ]);
  assert.equal(await daemon.ok(['checkpoint', 'create', 'work', 'first']), 'first');
  for (const deadline = Date.now() + 5000; Date.now() < deadline; await sleep(50)) {
    if ((await status('work')) === 'exited') break;
  }
  await sleep(300);
  assert.equal(await status('work'), 'exited');
  assert.match(await daemon.ok(['checkpoint', 'ls', 'work']), /^CHECKPOINT NAME\s+first$/);
  await daemon.ok(['start', '--checkpoint', 'first', 'work']);
  assert.equal(await status('work'), 'running');
  const [container = ''] = readdirSync(join(daemon.dataRoot, 'containers'));
  assert.ok(existsSync(join(daemon.dataRoot, 'containers', container, 'checkpoints/first/restored')));
  await daemon.ok(['checkpoint', 'create', '--leave-running', 'work', 'second']);
  assert.equal(await status('work'), 'running');
  await daemon.ok(['checkpoint', 'rm', 'work', 'first']);
  assert.match(await daemon.ok(['checkpoint', 'ls', 'work']), /^CHECKPOINT NAME\s+second$/);
  const twice = await daemon.docker(['checkpoint', 'create', 'work', 'second']);
  assert.match(twice.stderr, /checkpoint with name second already exists for container work/);
  await daemon.ok(['rm', '-f', 'work']);
});

test('gantry has the same commands, without asking for experiments', async () => {
  await daemon.ok(['run', '-d', '--name', 'ours', '--runtime', 'saving', 'busybox', 'sleep', '1000']);
  const gantry = async (...args: string[]): Promise<string> =>
    (await daemon.gantry(['checkpoint', ...args])).stdout;
  assert.equal(await gantry('create', '--leave-running', 'ours', 'mark'), 'mark\n');
  assert.equal(await gantry('ls', 'ours'), 'CHECKPOINT NAME\nmark\n');
  assert.equal(await gantry('rm', 'ours', 'mark'), '');
  assert.equal(await gantry('ls', 'ours'), 'CHECKPOINT NAME\n');
  await daemon.ok(['rm', '-f', 'ours']);
});

test('checkpoints elsewhere, and those that are not there', async () => {
  const place = join(directory, 'elsewhere');
  await daemon.ok(['run', '-d', '--name', 'move', '--runtime', 'saving', 'busybox', 'sleep', '1000']);
  await daemon.ok(['checkpoint', 'create', '--checkpoint-dir', place, 'move', 'far']);
  assert.ok(existsSync(join(place, 'far/pages.img')));
  assert.equal(await daemon.ok(['wait', 'move']), '137');
  const missing = await daemon.docker(['start', '--checkpoint', 'near', 'move']);
  assert.match(missing.stderr, /checkpoint near does not exist for container move/);
  await daemon.ok(['start', '--checkpoint-dir', place, '--checkpoint', 'far', 'move']);
  assert.ok(existsSync(join(place, 'far/restored')));
  const path = await daemon.docker(['checkpoint', 'create', 'move', '../up']);
  assert.match(path.stderr, /Invalid checkpoint ID|page not found/);
  await daemon.ok(['rm', '-f', 'move']);
});

test('what cannot be saved is refused, and leaves nothing', async () => {
  await daemon.ok(['run', '-d', '--name', 'bare', '--runtime', 'failing', 'busybox', 'sleep', '1000']);
  const failed = await daemon.docker(['checkpoint', 'create', 'bare', 'first']);
  assert.equal(failed.code, 1);
  assert.match(
    failed.stderr,
    /Cannot checkpoint container bare: failing did not terminate successfully: .*criu binary not found/,
  );
  assert.match(failed.stderr, /need CRIU on the host/i);
  assert.equal(await daemon.ok(['checkpoint', 'ls', 'bare']), 'CHECKPOINT NAME');
  assert.equal(await status('bare'), 'running');
  await daemon.ok(['run', '-dt', '--name', 'term', '--runtime', 'failing', 'busybox', 'sleep', '1000']);
  const terminal = await daemon.docker(['checkpoint', 'create', 'term', 'first']);
  assert.match(terminal.stderr, /checkpoint not supported on containers with tty/);
  await daemon.ok(['rm', '-f', 'bare']);
  await daemon.ok(['stop', '-t', '0', 'term']);
  assert.match((await daemon.docker(['checkpoint', 'create', 'term', 'first'])).stderr, /is not running/);
});
