/** The host's firewall is reloaded by its own service, which flushes everything: ports are back within a second or so, and its own rules are as it loaded them. */
import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const probe = join(import.meta.dirname, '../support/reload-probe.ts');

for (const backend of ['nftables', 'iptables-nft', 'iptables-legacy']) {
  test(`${backend}: three reloads, three times back`, async () => {
    const namespace = `gantry-reload-${process.pid}`;
    execFileSync('ip', ['netns', 'add', namespace]);
    try {
      const inside = ['netns', 'exec', namespace, process.execPath, probe, backend];
      const { stdout } = await execute('ip', inside, { timeout: 90_000 });
      const { backAfterMs, ...found } = JSON.parse(stdout) as { backAfterMs: number[] };
      assert.deepEqual(found, {
        published: '198.18.77.2',
        othersUntouched: true,
        outside: 'timeout',
        othersUntouchedAfter: true,
      });
      assert.equal(backAfterMs.length, 3);
      // One look a second, and the asking itself.
      for (const ms of backAfterMs) assert.ok(ms < 4000, `${ms} ms`);
    } finally {
      execFileSync('ip', ['netns', 'del', namespace]);
    }
  });
}
