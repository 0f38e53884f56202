/** Sizes of volumes and read-write layers: exact once what wrote them has ended, remembered where nothing did, and nobody waits for a walk. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';

const volumes = 1000;

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(() => daemon.close());

async function sizes(): Promise<{ volumes: Map<string, number>; layers: Map<string, number>; ms: number }> {
  const began = performance.now();
  const { json } = await callApi(daemon.socket, 'GET', '/system/df');
  const ms = performance.now() - began;
  const of = <T>(list: T[], entry: (one: T) => [string, number]): Map<string, number> =>
    new Map(list.map(entry));
  return {
    ms,
    volumes: of(json.Volumes as Array<{ Name: string; UsageData: { Size: number } }>, (volume) => [
      volume.Name,
      volume.UsageData.Size,
    ]),
    layers: of(json.Containers as Array<{ Id: string; SizeRw?: number }>, ({ Id, SizeRw }) => [
      Id,
      SizeRw ?? 0,
    ]),
  };
}

test('what a container wrote is counted when it has ended, also where it is gone by then', async () => {
  await daemon.ok(['run', '--rm', '-v', 'written:/v', 'busybox', 'sh', '-c', 'head -c 1000 /dev/zero >/v/a']);
  assert.equal((await sizes()).volumes.get('written'), 1000);
  await daemon.ok(['run', '--rm', '-v', 'written:/v', 'busybox', 'sh', '-c', 'head -c 500 /dev/zero >/v/b']);
  assert.equal((await sizes()).volumes.get('written'), 1500);
  const id = await daemon.ok([
    'create',
    '-v',
    'written:/v',
    'busybox',
    'sh',
    '-c',
    'head -c 70 /dev/zero >/f; rm /v/a',
  ]);
  assert.equal((await sizes()).layers.get(id), 0);
  await daemon.ok(['start', '-a', id]);
  const ended = await sizes();
  assert.equal(ended.layers.get(id), 70);
  assert.equal(ended.volumes.get('written'), 500);
  await daemon.ok(['cp', '-', `${id}:/v`], { input: tarOf(300) });
  assert.equal((await sizes()).volumes.get('written'), 800);
  await daemon.ok(['rm', id]);
  await daemon.ok(['volume', 'rm', 'written']);
  await daemon.ok(['volume', 'create', 'written']);
  assert.equal((await sizes()).volumes.get('written'), 0, 'one that is made again is another');
});

test('what is being written is counted again and again', async () => {
  const id = await daemon.ok([
    'run',
    '-d',
    '-v',
    'busy:/v',
    'busybox',
    'sh',
    '-c',
    'while :; do echo 123456789 >>/v/f; usleep 100000; done',
  ]);
  const first = (await sizes()).volumes.get('busy') ?? 0;
  let now = first;
  for (let waited = 0; waited < 5000 && now <= first; waited += 100) {
    await sleep(100);
    now = (await sizes()).volumes.get('busy') ?? 0;
  }
  assert.ok(now > first, `${first}, then ${now}`);
  await daemon.ok(['rm', '-f', id]);
});

test(`df of ${volumes} volumes answers in milliseconds after the first`, {
  timeout: 120_000,
}, async (context) => {
  for (let index = 0; index < volumes; index++) {
    const { json } = await callApi(daemon.socket, 'POST', '/volumes/create', { Name: `many${index}` });
    for (let file = 0; file < 20; file++) writeFileSync(join(json.Mountpoint, `f${file}`), 'x'.repeat(10));
  }
  let slowest = 0;
  let isOver = false;
  const others = (async () => {
    while (!isOver) {
      const began = performance.now();
      await daemon.ping();
      slowest = Math.max(slowest, performance.now() - began);
      await sleep(2);
    }
  })();
  const first = await sizes();
  isOver = true;
  await others;
  assert.equal(first.volumes.get('many7'), 200);
  const later: number[] = [];
  for (let round = 0; round < 5; round++) later.push((await sizes()).ms);
  const best = Math.min(...later);
  context.diagnostic(
    `first ${first.ms.toFixed(0)} ms (others waited ${slowest.toFixed(0)} ms at most), then ${best.toFixed(1)} ms`,
  );
  assert.ok(best < 100, `${best} ms`);
  assert.ok(slowest < first.ms / 2 || slowest < 100, `a ping took ${slowest} ms of ${first.ms}`);
});

/** A tar with one file of so many bytes. */
function tarOf(bytes: number): Buffer {
  const directory = join(daemon.root, 'tar');
  mkdirSync(directory, { recursive: true });
  appendFileSync(join(directory, 'copied'), 'y'.repeat(bytes));
  return execFileSync('tar', ['-C', directory, '-cf', '-', 'copied']);
}
