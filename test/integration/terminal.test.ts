/** Terminals: a real one around the stock docker CLI and around gantry. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { dockerCli, TestDaemon } from '../support/daemon.ts';
import { Terminal } from '../support/tmux.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

const clients = [dockerCli, 'bin/gantry'].filter((path) => path !== undefined);

for (const client of clients) {
  const command = (...args: string[]): string => [client, '-H', daemon.host, ...args].join(' ');

  test(`${client} run -it: the size follows the window, Ctrl-C interrupts, exit gives the code`, async () => {
    const terminal = new Terminal(
      'run',
      `${command('run', '--rm', '-it', 'busybox', 'sh')}; echo code=$?; sleep 1000`,
    );
    try {
      await terminal.until(/\/ # /);
      terminal.type('stty size\n');
      await terminal.until(/^24 80$/m);
      terminal.resize(100, 30);
      terminal.type('stty size\n');
      await terminal.until(/^30 100$/m).catch(async () => {
        terminal.type('stty size\n');
        return terminal.until(/^30 100$/m, 3000);
      });
      terminal.type('sleep 1000\n');
      await terminal.until(/sleep 1000\n/);
      terminal.press('C-c');
      terminal.type('echo still here\n');
      await terminal.until(/^still here$/m);
      terminal.type('exit 5\n');
      await terminal.until(/^code=5$/m);
    } finally {
      terminal.close();
    }
  });

  test(`${client} run -it: Ctrl-P Ctrl-Q leaves it running, attach comes back`, async () => {
    const name = `detach-${client.split('/').pop()}`;
    const terminal = new Terminal(
      'detach',
      `${command('run', '-it', '--name', name, 'busybox', 'sh')}; echo left=$?; ${command('attach', name)}; echo code=$?; sleep 1000`,
    );
    try {
      await terminal.until(/\/ # /);
      terminal.press('C-p', 'C-q');
      await terminal.until(/left=0$/m);
      assert.equal(await daemon.ok(['inspect', '-f', '{{.State.Running}}', name]), 'true');
      terminal.type('echo back again\n');
      await terminal.until(/^back again$/m);
      terminal.type('exit 3\n');
      await terminal.until(/^code=3$/m);
      await daemon.ok(['rm', name]);
    } finally {
      terminal.close();
    }
  });

  test(`${client} exec -it opens a shell beside the process`, async () => {
    const name = `exec-${client.split('/').pop()}`;
    await daemon.ok(['run', '-d', '--name', name, 'busybox', 'sleep', '1000']);
    const terminal = new Terminal('exec', `${command('exec', '-it', name, 'sh')}; echo code=$?; sleep 1000`, {
      columns: 90,
      rows: 20,
    });
    try {
      await terminal.until(/\/ # /);
      terminal.type('tty; stty size; ps | grep -c "sleep 100[0]"\n');
      await terminal.until(/^\/dev\/pts\/\d+\n20 90\n1$/m);
      terminal.press('C-d');
      await terminal.until(/^code=0$/m);
    } finally {
      terminal.close();
      await daemon.ok(['rm', '-f', name]);
    }
  });
}
