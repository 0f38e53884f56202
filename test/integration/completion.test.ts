/** Completion in real shells: Tab is pressed in a terminal, and what the shell writes then is looked at. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { commands } from '../../src/cli/command-table.ts';
import { hasArgumentRule } from '../../src/cli/completion/argument-values.ts';
import { runProgram, TestDaemon } from '../support/daemon.ts';
import { hasTmux, Terminal } from '../support/tmux.ts';

const home = mkdtempSync(join(tmpdir(), 'gantry-completion-'));
after(() => rmSync(home, { recursive: true, force: true }));

const bin = resolve('bin');

/** Before Tab, and what the line must be then. Many candidates are listed, and not written. */
const completed: ReadonlyArray<readonly [typed: string, line: RegExp]> = [
  ['gantry stop sleep-a', /gantry stop sleep-alpha\b/],
  ['gantry start over-', /gantry start over-beta\b/],
  ['gantry run --rm -it busyb', /gantry run --rm -it busybox:latest\b/],
  ['gantry ps --filter status=pau', /gantry ps --filter status=paused\b/],
  ['gantry ps --filter heal', /gantry ps --filter health=/],
  ['gantry run --restart unl', /gantry run --restart unless-stopped\b/],
  ['gantry run --restart=unl', /gantry run --restart=unless-stopped\b/],
  ['gantry volume rm vol', /gantry volume rm volume-gamma\b/],
  ['gantry context use far', /gantry context use farm\b/],
  ['gantry container inspe', /gantry container inspect\b/],
  ['gantry load -i arch', /gantry load -i archive\.tar\b/],
];

const listed: ReadonlyArray<readonly [typed: string, screen: RegExp]> = [
  ['gantry rm ', /over-beta[\s\S]*sleep-alpha|sleep-alpha[\s\S]*over-beta/],
];

const shells: ReadonlyArray<{ name: string; start: string; tabs: number }> = [
  { name: 'bash', start: 'bash --noprofile --rcfile rc.bash -i', tabs: 2 },
  { name: 'zsh', start: 'ZDOTDIR=. zsh -i', tabs: 1 },
  { name: 'fish', start: 'fish --no-config -C "source rc.fish"', tabs: 1 },
];

describe('completion', { skip: hasTmux ? false : 'this host has no tmux' }, () => {
  let daemon: TestDaemon;
  before(async () => {
    daemon = await TestDaemon.start();
    await daemon.ok(['run', '-d', '--name', 'sleep-alpha', '--stop-timeout', '0', 'busybox', 'sleep', '600']);
    await daemon.ok(['run', '--name', 'over-beta', 'busybox', 'true']);
    await daemon.ok(['volume', 'create', 'volume-gamma']);
    mkdirSync(join(home, 'work'));
    writeFileSync(join(home, 'work/archive.tar'), '');
    const env = { DOCKER_CONFIG: join(home, 'config') };
    const made = await runProgram(['bin/gantry', 'context', 'create', 'farm', '--docker', 'host=tcp://h:1'], {
      env,
    });
    assert.equal(made.code, 0, made.stderr);
    const script = async (shell: string) => (await runProgram(['bin/gantry', 'completion', shell])).stdout;
    writeFileSync(join(home, 'work/rc.bash'), `PS1='> '\n${await script('bash')}`);
    const zsh = "PS1='> '\nautoload -Uz compinit; compinit -u -d ./dump\nzstyle ':completion:*' menu no\n";
    writeFileSync(join(home, 'work/.zshrc'), `${zsh}${await script('zsh')}`);
    const fish = "function fish_prompt; printf '> '; end\nfunction fish_greeting; end\n";
    writeFileSync(join(home, 'work/rc.fish'), `${fish}${await script('fish')}`);
  });
  after(() => daemon.close());

  for (const { name, start, tabs } of shells) {
    const installed = spawnSync(name, ['-c', 'true']).status === 0;
    test(`in ${name}`, { skip: installed ? false : `this host has no ${name}` }, async () => {
      const env = `PATH=${bin}:$PATH HOME=${home} DOCKER_CONFIG=${home}/config DOCKER_HOST=${daemon.host}`;
      const terminal = new Terminal(`complete-${name}`, `cd ${home}/work && export ${env} && ${start}`, {
        columns: 100,
        rows: 30,
      });
      try {
        await terminal.until(/^> ?$/m);
        for (const [typed, line] of completed) {
          terminal.type(typed);
          terminal.press('Tab');
          await terminal.until(line, 5000);
          // Not C-c, which a shell that still completes may swallow.
          terminal.press('C-u');
          terminal.press('C-l');
          await terminal.until(/^\s*> ?\s*$/);
        }
        for (const [typed, screen] of listed) {
          terminal.type(typed);
          terminal.press(...Array.from({ length: tabs }, () => 'Tab'));
          await terminal.until(screen, 5000);
          terminal.press('C-u');
        }
      } finally {
        terminal.close();
      }
    });
  }

  async function candidates(...words: string[]): Promise<string[]> {
    const env = { DOCKER_CONFIG: join(home, 'config'), DOCKER_HOST: daemon.host };
    const { stdout } = await runProgram(['bin/gantry', 'completion', 'candidates', '--', ...words], { env });
    return stdout
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t')[0] ?? '');
  }

  test('names fit the command, and what stands there is not offered again', async () => {
    assert.deepEqual(await candidates('start', ''), ['over-beta']);
    assert.deepEqual(await candidates('stop', ''), ['sleep-alpha']);
    assert.deepEqual(await candidates('unpause', ''), []);
    assert.deepEqual((await candidates('rm', '')).sort(), ['over-beta', 'sleep-alpha']);
    assert.deepEqual(await candidates('rm', '-f', 'sleep-alpha', ''), ['over-beta']);
    assert.deepEqual(await candidates('logs', 'sleep-alpha', ''), []);
    assert.deepEqual(
      await candidates('exec', 'sleep-alpha', '-'),
      [],
      "behind the container no flag is gantry's",
    );
    assert.deepEqual(await candidates('rename', ''), await candidates('container', 'rename', ''));
    assert.ok((await candidates('inspect', '')).includes('volume-gamma'));
    assert.deepEqual(await candidates('tag', 'busybox:latest', 'busy'), []);
  });

  test('values of flags and of filters', async () => {
    assert.deepEqual(await candidates('run', '--pull', ''), ['always', 'missing', 'never']);
    assert.deepEqual(await candidates('run', '--pull=a'), ['--pull=always']);
    assert.deepEqual(await candidates('run', '--volumes-from', 'sl'), ['sleep-alpha']);
    assert.deepEqual(await candidates('run', '--network', 'container:s'), ['container:sleep-alpha']);
    assert.ok((await candidates('run', '--network', '')).includes('bridge'));
    assert.deepEqual(await candidates('run', '-itv', 'vol'), ['volume-gamma:', ':files']);
    assert.deepEqual(await candidates('run', '--mount', 'type=vo'), ['type=volume']);
    assert.deepEqual(await candidates('ps', '-f', 'name=s'), ['name=sleep-alpha']);
    assert.deepEqual(await candidates('ps', '-af', 'ancestor=b'), ['ancestor=busybox:latest']);
    assert.deepEqual(await candidates('events', '--filter', 'type=v'), ['type=volume']);
    assert.deepEqual(await candidates('-c', 'f'), ['farm']);
    assert.deepEqual(await candidates('--log-level', 'w'), ['warn']);
    assert.deepEqual(await candidates('ps', '--last', ''), []);
    assert.ok((await candidates('ps', '-')).includes('-a'));
  });

  test('the daemon of the line counts, and none is no trouble', async () => {
    assert.deepEqual(await candidates('-H', 'unix:///nowhere.sock', 'rm', ''), []);
    assert.deepEqual(await candidates('-H', daemon.host, 'stop', ''), ['sleep-alpha']);
    assert.deepEqual(await candidates('help', 'container', 'sto'), ['stop']);
  });

  test('each command with arguments has a rule, or is known to have none', async () => {
    const without = new Set(
      'builder shell,context create,image load,manifest push,manifest rm,network create,search,socket create,volume create'.split(
        ',',
      ),
    );
    for (const { names, load, hidden } of commands) {
      const [name = ''] = names;
      const [, most] = (await load()).arguments;
      if (most === 0 || hidden === true || without.has(name)) continue;
      assert.ok(hasArgumentRule(name), name);
    }
  });
});
