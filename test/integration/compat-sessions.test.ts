/** The same sessions by docker and by gantry, and against Debian's dockerd: what differs is in docs/differences.md, with its reason. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { differences } from '../compat/differ.ts';
import { readExplained } from '../compat/explained.ts';
import { sessions } from '../compat/scenarios/sessions.ts';
import { Side } from '../compat/side.ts';
import { dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

const skip = dockerCli === undefined ? 'this host has no docker CLI' : false;

/** What gantry says of its own is its own: usage, and hints on a line of their own. */
function alike(text: string): string {
  return text.replaceAll('gantry', 'docker');
}

for (const [name, scenario] of Object.entries(sessions)) {
  test(`${name}: docker and gantry say the same`, { skip }, async () => {
    const roots = [daemon.dataRoot, daemon.execRoot];
    const docker = new Side('docker', daemon.socket, roots);
    const gantry = new Side('gantry', daemon.socket, roots, 'bin/gantry');
    for (const side of [docker, gantry]) {
      await scenario(side);
      await side.removeAll();
    }
    assert.ok(docker.notes.size > 5);
    const explained = readExplained('docs/differences.md');
    const found = [...docker.notes.keys()].flatMap((label) =>
      differences(`by gantry/${label}`, docker.notes.get(label), gantry.notes.get(label)),
    );
    assert.deepEqual(
      found.filter(
        (one) => alike(one.gantry) !== one.docker && !explained.some(({ matches }) => matches(one.place)),
      ),
      [],
    );
  });
}

test("Debian's dockerd says the same in them, but for what is explained", {
  skip,
  timeout: 200_000,
}, async (context) => {
  const compared = await runProgram([process.execPath, 'test/compat/compare.ts', 'session'], {
    timeout: 180_000,
  });
  if (compared.stderr.includes('cannot be had'))
    return context.skip("the packages of Debian's docker.io cannot be had");
  assert.equal(compared.code, 0, compared.stdout + compared.stderr);
  assert.match(compared.stdout, /^\d{2,} answers compared: 0 unexplained differences/m);
});
