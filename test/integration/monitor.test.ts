/** `gantry monitor` in a real terminal: it follows what happens, does what its keys say, and gives the terminal back. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';
import { hasTmux, Terminal } from '../support/tmux.ts';

const spin = ['sh', '-c', 'trap "exit 0" TERM; while :; do :; done'];
const wait = ['sh', '-c', 'trap "exit 0" TERM; echo first line; i=0; while :; do sleep 0.1; done'];

describe('gantry monitor', { skip: hasTmux ? false : 'this host has no tmux' }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await TestDaemon.start();
    await daemon.ok(['run', '-d', '--name', 'calm', 'busybox', ...wait]);
    await daemon.ok(['run', '-d', '--name', 'busy', '--cpus', '0.3', 'busybox', ...spin]);
    await daemon.ok(['run', '--name', 'over', 'busybox', 'true']);
  });
  after(() => daemon.close());

  /** The shell says its settings before and after, so that both can be compared. */
  function watch(name: string, ...flags: string[]): Terminal {
    const gantry = ['bin/gantry', '-H', daemon.host, 'monitor', ...flags].join(' ');
    const pid = join(daemon.root, `${name}.pid`);
    const line = `stty -g > ${daemon.root}/before; sh -c 'echo $$ > ${pid}; exec ${gantry}'; code=$?; stty -g > ${daemon.root}/after; echo code=$code; sleep 1000`;
    return new Terminal(name, `sh -c "${line.replaceAll('$', '\\$').replaceAll('"', '\\"')}"`, {
      columns: 110,
      rows: 20,
    });
  }

  async function until(check: () => Promise<boolean>): Promise<void> {
    for (let waited = 0; waited < 10_000; waited += 100) {
      if (await check()) return;
      await sleep(100);
    }
    assert.fail('it never came to that');
  }

  const state = async (name: string): Promise<string> =>
    (await daemon.docker(['inspect', '-f', '{{.State.Status}}', name])).stdout.trim();

  function assertRestored(): void {
    assert.equal(
      readFileSync(join(daemon.root, 'after'), 'utf8'),
      readFileSync(join(daemon.root, 'before'), 'utf8'),
    );
  }

  test('shows what runs, the busiest first, with figures; new containers and resizing', async () => {
    const terminal = watch('figures');
    try {
      const screen = await terminal.until(/busy +\d\d\.\d +\d[\d.]*[BkM]/);
      assert.match(screen, /gantry monitor {2}2 running/);
      assert.ok(screen.indexOf('busy') < screen.indexOf('calm '), screen);
      assert.doesNotMatch(screen, /over/);
      assert.match(screen, /NAME +CPU %↓ +MEMORY .* STATUS/);
      await daemon.ok(['run', '-d', '--name', 'late', 'busybox', ...wait]);
      await terminal.until(/late/);
      terminal.resize(50, 12);
      await terminal.until(/^.*NAME +CPU %↓ +MEMORY.*$/m);
      assert.doesNotMatch(terminal.screen(), /IMAGE/);
      terminal.resize(140, 20);
      await terminal.until(/IMAGE/);
      terminal.type('a');
      await terminal.until(/over .*Exited \(0\)/);
      terminal.type('/late');
      await terminal.until(/Filter: late/);
      await terminal.until(/^(?![\s\S]*over)[\s\S]*late/);
      terminal.press('Enter');
      await terminal.until(/filter "late"/);
      terminal.type('x');
      await terminal.until(/Remove late, also if it runs\? \[y\/N\]/);
      terminal.type('y');
      await terminal.until(/No container matches "late"/);
      assert.equal(await state('late'), '');
      terminal.type('q');
      await terminal.until(/code=0/);
      assertRestored();
    } finally {
      terminal.close();
    }
  });

  test('keys pause, stop, start, restart and kill, after a question where it hurts', async () => {
    const terminal = watch('keys', '--sort', 'name', '-a');
    try {
      await terminal.until(/busy[\s\S]*calm/);
      terminal.press('Down');
      terminal.type('p');
      await terminal.until(/calm.*Paused/);
      terminal.type('p');
      await until(async () => (await state('calm')) === 'running');
      terminal.type('sn');
      await sleep(300);
      assert.equal(await state('calm'), 'running');
      terminal.type('sy');
      await terminal.until(/calm.*Exited \(0\)/);
      terminal.press('Home');
      await terminal.until(/^.*busy/m);
      terminal.type('ky');
      await terminal.until(/busy.*Exited \(137\)/);
      terminal.type('t');
      await until(async () => (await state('busy')) === 'running');
      const before = await daemon.ok(['inspect', '-f', '{{.State.StartedAt}}', 'busy']);
      await terminal.until(/busy.*Up/);
      terminal.type('ry');
      await until(
        async () => (await daemon.ok(['inspect', '-f', '{{.State.StartedAt}}', 'busy'])) !== before,
      );
      await daemon.ok(['start', 'calm']);
      terminal.press('C-c');
      await terminal.until(/code=0/);
      assertRestored();
    } finally {
      terminal.close();
    }
  });

  test('logs, inspect and a shell inside lead back to the list', async () => {
    const terminal = watch('panes', '--filter', 'name=calm');
    try {
      await terminal.until(/calm/);
      terminal.type('l');
      await terminal.until(/Logs of calm[\s\S]*first line/);
      terminal.type('q');
      await terminal.until(/gantry monitor/);
      terminal.type('i');
      await terminal.until(/Inspect of calm[\s\S]*"Id"/);
      terminal.press('PageDown');
      await terminal.until(/Inspect of calm {2}(?!1-)\d+-/);
      terminal.press('Escape');
      await terminal.until(/gantry monitor/);
      terminal.type('e');
      await terminal.until(/\/ # /);
      terminal.type('echo in$((1+1))side; tty\n');
      await terminal.until(/in2side[\s\S]*\/dev\/pts/);
      terminal.type('exit\n');
      await terminal.until(/gantry monitor[\s\S]*calm/);
      terminal.type('?');
      await terminal.until(/stop it \(asks first\)/);
      terminal.type('qq');
      await terminal.until(/code=0/);
      assertRestored();
    } finally {
      terminal.close();
    }
  });

  test('a signal gives the terminal back too', async () => {
    const terminal = watch('signal');
    try {
      await terminal.until(/gantry monitor/);
      process.kill(Number(readFileSync(join(daemon.root, 'signal.pid'), 'utf8')), 'SIGTERM');
      const screen = await terminal.until(/code=143/);
      assert.doesNotMatch(screen, /gantry monitor/);
      assertRestored();
    } finally {
      terminal.close();
    }
  });

  test('a daemon that goes is told of, and found again', async () => {
    const terminal = watch('daemon', '-a');
    try {
      await terminal.until(/calm/);
      await daemon.stop();
      await terminal.until(/Cannot connect to the Gantry daemon/);
      await daemon.launch();
      await terminal.until(/gantry monitor {2}\d+ running of/);
      terminal.type('q');
      await terminal.until(/code=0/);
    } finally {
      terminal.close();
    }
  });

  test('without a terminal, and with an unknown order, it says so', async () => {
    const { code, stderr } = await daemon.gantry(['monitor']);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^the monitor needs a terminal\nFor figures in a script: gantry stats --no-stream\.\n/,
    );
    assert.match(
      (await daemon.gantry(['monitor', '--sort', 'zork'])).stderr,
      /invalid value for --sort: "zork"/,
    );
  });
});
