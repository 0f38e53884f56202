/** Logging in and pushing on a terminal: hidden passwords, and a line in place for each layer. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import bcrypt from 'bcryptjs';
import { dockerCli, TestDaemon } from '../support/daemon.ts';
import { hasRegistry, startRegistry, type TestRegistry } from '../support/registry.ts';
import { hasTmux, Terminal } from '../support/tmux.ts';

const skip = hasRegistry() && hasTmux ? false : 'this host has no docker-registry or no tmux';

describe('a registry on a terminal', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-terminal-'));
  const cleanups: Array<() => Promise<void>> = [];
  let daemon: TestDaemon;
  let registry: TestRegistry;
  before(async () => {
    registry = await startRegistry({ htpasswd: `ann:${bcrypt.hashSync('sesame', 4)}` });
    cleanups.push(() => registry.stop());
    daemon = await TestDaemon.start();
    cleanups.push(() => daemon.close());
  });
  after(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A shell line that runs `args` with a configuration of its own. */
  function command(client: string, config: string, ...args: string[]): string {
    return [`DOCKER_CONFIG=${folder}/${config}`, client, '-H', daemon.host, ...args].join(' ');
  }

  async function inTerminal(
    name: string,
    line: string,
    act: (terminal: Terminal) => Promise<void>,
  ): Promise<void> {
    const terminal = new Terminal(name, `sh -c '${line}; echo code=$?; cat'`, { columns: 130, rows: 30 });
    try {
      await act(terminal);
    } finally {
      terminal.close();
    }
  }

  test('login asks, hides the password and keeps it', async () => {
    await inTerminal('login', command('bin/gantry', 'login', 'login', registry.host), async (terminal) => {
      await terminal.until(/^Username: $/m).catch(() => terminal.until(/^Username:/m));
      terminal.type('ann\n');
      await terminal.until(/^Password:/m);
      terminal.type('sesamX');
      terminal.press('BSpace');
      terminal.type('e\n');
      const screen = await terminal.until(/^Login Succeeded\ncode=0$/m);
      assert.doesNotMatch(screen, /sesam/);
      terminal.type('seen again\n');
      await terminal.until(/^seen again\nseen again$/m);
    });
    const config = JSON.parse(readFileSync(join(folder, 'login/config.json'), 'utf8'));
    const auth = Buffer.from('ann:sesame').toString('base64');
    assert.deepEqual(config, { auths: { [registry.host]: { auth } } });
  });

  test('a wrong password, no user, no password, an interrupt: nothing is kept, and the terminal shows what is typed', async () => {
    const login = command('bin/gantry', 'refused', 'login');
    await inTerminal('wrong', `${login} -u ann ${registry.host}`, async (terminal) => {
      await terminal.until(/^Password:/m);
      terminal.type('wrong\n');
      await terminal.until(/unauthorized[\s\S]*code=1$/m);
    });
    await inTerminal('nobody', `${login} ${registry.host}`, async (terminal) => {
      await terminal.until(/^Username:/m);
      terminal.press('Enter');
      await terminal.until(/^Error: Non-null Username Required\ncode=1$/m);
    });
    await inTerminal('empty', `${login} -u ann ${registry.host}`, async (terminal) => {
      await terminal.until(/^Password:/m);
      terminal.press('Enter');
      await terminal.until(/^Error: Password Required\ncode=1$/m);
    });
    await inTerminal('interrupt', `trap : INT; ${login} -u ann ${registry.host}`, async (terminal) => {
      await terminal.until(/^Password:/m);
      terminal.press('C-c');
      await terminal.until(/^code=130$/m);
      terminal.type('seen again\n');
      await terminal.until(/^seen again\nseen again$/m);
    });
    assert.throws(() => readFileSync(join(folder, 'refused/config.json')), { code: 'ENOENT' });
  });

  test('push and pull have one line for each layer, which ends as done', async () => {
    const clients = [dockerCli, 'bin/gantry'].filter((path) => path !== undefined);
    const screens: string[] = [];
    for (const client of clients) {
      const name = `${registry.host}/team/app:${clients.indexOf(client)}`;
      await daemon.ok([
        'run',
        '--name',
        'grown',
        'busybox',
        'dd',
        'if=/dev/urandom',
        'of=/big',
        'bs=1M',
        'count=8',
      ]);
      await daemon.ok(['commit', 'grown', name]);
      await daemon.ok(['rm', 'grown']);
      await inTerminal('push', command(client, 'login', 'push', name), async (terminal) => {
        const screen = await terminal.until(/^code=0$/m);
        assert.equal(screen.match(/^[0-9a-f]{12}: (Pushed|Layer already exists) *$/gm)?.length, 2, screen);
        assert.match(screen, /^\d: digest: sha256:[0-9a-f]{64} size: \d+$/m);
        screens.push(shape(screen));
      });
      await daemon.ok(['rmi', name]);
      await inTerminal('pull', command(client, 'login', 'pull', name), async (terminal) => {
        const screen = await terminal.until(/^code=0$/m);
        assert.match(screen, /^[0-9a-f]{12}: Pull complete *$/m, screen);
        assert.match(screen, /^Status: Downloaded newer image for /m);
      });
      await daemon.ok(['rmi', name]);
    }
    const [first] = screens;
    for (const screen of screens) assert.equal(screen, first);
  });
});

/** A screen without what differs by chance. */
function shape(screen: string): string {
  return screen
    .replace(/[0-9a-f]{12,}/g, 'HEX')
    .replace(/: (Pushed|Layer already exists) *$/gm, ': done')
    .replace(/^\d: digest/m, 'TAG: digest')
    .trim();
}
