/** Debian's docker-compose 1.29 brings a three-service application up, scales it, changes it and takes it down. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { composeShop, loadShopImages } from '../support/compose-shop.ts';
import { TestDaemon } from '../support/daemon.ts';
import { hostSnapshot } from '../support/host-snapshot.ts';

let daemon: TestDaemon;
let linksBefore: string[];
before(async () => {
  daemon = await TestDaemon.start({ busybox: false });
  await loadShopImages(daemon);
  linksBefore = hostSnapshot(daemon).links;
});
after(async () => {
  await daemon.close();
});

async function compose(args: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const { code, stdout, stderr } = await composeShop(daemon, args, { env });
  assert.equal(code, 0, `docker-compose ${args.join(' ')}: ${stderr}${stdout}\n${daemon.log().slice(-2000)}`);
  return stdout;
}

/** State and id of each container, by name. */
async function containers(): Promise<Map<string, { status: string; id: string }>> {
  const format = '{{.Names}}\t{{.ID}}\t{{.Status}}';
  const rows = (await daemon.ok(['ps', '-a', '--format', format])).split('\n').filter(Boolean);
  return new Map(
    rows.map((row) => {
      const [name = '', id = '', status = ''] = row.split('\t');
      return [name, { id, status }];
    }),
  );
}

async function page(): Promise<string> {
  const address = (await compose(['port', 'web', '80'])).trim();
  return (await fetch(`http://${address}/`, { signal: AbortSignal.timeout(5000) })).text();
}

async function logsUntil(service: string, pattern: RegExp): Promise<string> {
  for (let attempt = 0; ; attempt += 1) {
    const text = await compose(['logs', '--no-color', service]);
    if (pattern.test(text)) return text;
    assert.ok(attempt < 30, `${service} does not log ${pattern}: ${text}`);
    await sleep(100);
  }
}

test('compose: up waits for health in the order of dependencies; names, ports and volumes work', async () => {
  await compose(['up', '-d']);
  const up = await containers();
  assert.deepEqual([...up.keys()].sort(), ['shop_database_1', 'shop_web_1', 'shop_worker_1']);
  assert.match(up.get('shop_database_1')?.status ?? '', /^Up .*\(healthy\)$/);
  assert.match(up.get('shop_web_1')?.status ?? '', /^Up .*\(healthy\)$/);
  const shown = await compose(['ps']);
  assert.match(shown, /shop_web_1 .*Up \(healthy\) +127\.0\.0\.1:\d+->80\/tcp/);
  assert.equal(await page(), 'hello from compose\n');
  assert.match(
    await logsUntil('worker', /works on/),
    /worker_1 +\| [0-9a-f]{12} works on: ready since [0-9a-f]{12}/,
  );
  const names = 'nc db 5432 </dev/null && wget -q -O - http://web && nslookup counter >/dev/null';
  assert.match(
    await compose(['exec', '-T', 'web', 'sh', '-c', names]),
    /^ready since .*\nhello from compose\n$/,
  );
  const stranger = await composeShop(daemon, ['exec', '-T', 'worker', 'nslookup', 'counter']);
  assert.notEqual(stranger.code, 0, 'the worker is not in the network where `counter` is a name');
  assert.equal(
    (await compose(['run', '--rm', '-T', 'worker', 'sh', '-c', 'nc db 5432 | wc -l'])).trim(),
    '1',
  );
  assert.match(await compose(['top', 'web']), /httpd -f -p 80/);
  assert.match(await compose(['images']), /shop_web_1 +shop-web +latest/);
});

test('compose: scaling up and down leaves the others alone', async () => {
  const before = await containers();
  await compose(['up', '-d', '--scale', 'worker=3']);
  const three = await containers();
  assert.equal([...three.keys()].filter((name) => name.startsWith('shop_worker_')).length, 3);
  for (const [name, { id }] of before) assert.equal(three.get(name)?.id, id, `${name} was made anew`);
  const answers = await compose(['exec', '-T', 'web', 'nslookup', '-type=a', 'worker']);
  assert.equal([...answers.matchAll(/^Address: [\d.]+$/gm)].length, 3, answers);
  await compose(['up', '-d', '--scale', 'worker=1']);
  assert.equal((await containers()).size, 3);
});

test('compose: stop, start, restart, pause and kill', async () => {
  await compose(['stop', '-t', '3']);
  for (const [name, { status }] of await containers()) assert.match(status, /^Exited \(0\)/, name);
  await compose(['start']);
  await compose(['restart', '-t', '3', 'worker']);
  await compose(['pause', 'worker']);
  assert.match((await containers()).get('shop_worker_1')?.status ?? '', /\(Paused\)$/);
  await compose(['unpause', 'worker']);
  await compose(['kill', 'worker']);
  assert.match((await containers()).get('shop_worker_1')?.status ?? '', /^Exited \(137\)/);
  assert.equal((await compose(['exec', '-T', 'database', 'cat', '/data/rows'])).split('\n').length - 1, 2);
});

test('compose: a changed configuration makes just that service anew, and volumes stay', async () => {
  const before = await containers();
  const env = { GREETING: 'a change' };
  await compose(['up', '-d'], env);
  const changed = await containers();
  assert.equal(changed.get('shop_database_1')?.id, before.get('shop_database_1')?.id);
  assert.notEqual(changed.get('shop_web_1')?.id, before.get('shop_web_1')?.id);
  assert.equal(await page(), 'hello from a change\n');
  await compose(['up', '-d', '--force-recreate', '--no-deps', 'database'], env);
  const rows = await compose(['exec', '-T', 'database', 'cat', '/data/rows'], env);
  assert.equal(rows.split('\n').length - 1, 3, rows);
  assert.match(await compose(['exec', '-T', 'web', 'nc', 'db', '5432'], env), /^ready since/);
});

test('compose: down -v leaves nothing', async () => {
  await compose(['down', '-v', '-t', '3']);
  assert.equal((await containers()).size, 0);
  assert.equal(await daemon.ok(['network', 'ls', '-q', '--filter', 'type=custom']), '');
  assert.equal(await daemon.ok(['volume', 'ls', '-q']), '');
  const left = hostSnapshot(daemon);
  assert.deepEqual(left.links, linksBefore);
  assert.deepEqual(left.mounts, []);
});
