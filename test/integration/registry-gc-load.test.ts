/** Garbage collections one after another beside fifty clients: nothing that a tag needs goes, and in the end nothing else is left. */
import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { HostAnswer, HostOrder } from '../support/registry-host.ts';
import { RegistryLoad } from '../support/registry-load.ts';
import { storedBlobs, storedUploads } from '../support/registry-storage.ts';

/** A minute shows more than CI has time for. */
const seconds = Number(process.env['GANTRY_LOAD_SECONDS'] ?? 8);
const clients = 50;
/** Milliseconds: longer than a push takes, so that none has to begin again. */
const grace = 2000;

let directory: string;
let host: ChildProcess;
let load: RegistryLoad;

async function ask(order: HostOrder): Promise<HostAnswer> {
  const answered = once(host, 'message', { signal: AbortSignal.timeout(30_000) });
  host.send(order);
  const [answer]: HostAnswer[] = await answered;
  assert.equal(answer?.error, undefined);
  return answer ?? {};
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-gc-load-'));
  host = fork(join(import.meta.dirname, '../support/registry-host.ts'), [directory]);
  const [{ port = 0 } = {}]: HostAnswer[] = await once(host, 'message', {
    signal: AbortSignal.timeout(15_000),
  });
  load = new RegistryLoad(`http://127.0.0.1:${port}`, clients, grace);
});
after(async () => {
  await load.close();
  host.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
});

test(`${clients} clients for ${seconds} s beside collections`, {
  timeout: (seconds + 60) * 1000,
}, async (t) => {
  await ask({ order: 'loop', grace });
  await load.run(seconds * 1000);
  const { runs = 0, report } = await ask({ order: 'stop-loop' });
  t.diagnostic(`${JSON.stringify(load.counts)} beside ${runs} collections: ${JSON.stringify(report)}`);
  assert.ok(runs > seconds, `only ${runs} collections`);
  assert.ok(load.counts.pushes > clients && load.counts.pulls > clients && load.counts.deletions > 0);
  assert.ok((report?.freed ?? 0) > 0, 'the collections beside the load freed something');
});

test('what tags need is all there, and nothing else once the grace period is over', async () => {
  for (const slot of load.slots.slice(0, clients / 2)) await load.remove(slot);
  await ask({ order: 'collect', grace: 0 });
  const needed = await load.needed();
  assert.deepEqual([...storedBlobs(directory).keys()].sort(), [...needed].sort());
  const before = load.counts.pulls;
  for (const slot of load.slots) if (slot.manifest !== undefined) await load.pull(slot);
  assert.ok(load.counts.pulls > before);
});

test('without a tag, no byte is left', async () => {
  for (const slot of load.slots) await load.remove(slot);
  await ask({ order: 'collect', grace: 0 });
  assert.deepEqual([...storedBlobs(directory).keys()], []);
  assert.deepEqual(storedUploads(directory), []);
  assert.deepEqual(await ask({ order: 'totals' }), { totals: { blobs: 0, bytes: 0, uploads: 0 } });
});
