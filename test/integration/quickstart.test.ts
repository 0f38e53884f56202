/** The quickstart does what it says and leaves nothing. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { runProgram } from '../support/daemon.ts';
import { hostSnapshot } from '../support/host-snapshot.ts';

test('the quickstart serves a page from a container, shows the six steps, and cleans up', {
  timeout: 120_000,
}, async () => {
  const name = `qs${process.pid.toString(36)}`;
  const look = (): unknown => ({
    ...hostSnapshot({ root: `gantry-${name}`, cgroupParent: `/gantry-${name}` }),
    folders: ['/run', '/var/lib'].flatMap((path) =>
      readdirSync(path).filter((entry) => entry.includes(name)),
    ),
  });
  const before = look();
  const result = await runProgram([process.execPath, 'scripts/quickstart.ts', '--name', name], {
    timeout: 100_000,
  });
  assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
  assert.match(result.stdout, /Hello from a container on [0-9a-f]{12}\./);
  assert.match(result.stdout, /^172\.\d+\.\d+\.\d+|^10\.|^192\.168\./m);
  const steps = result.stdout + result.stderr;
  for (const word of ['image', 'layer', 'network namespace', 'IP address', 'process', 'output'])
    assert.match(steps, new RegExp(word, 'i'));
  assert.deepEqual(look(), before);
});
