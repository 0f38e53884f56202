/** Names, links and options that would lead out of a volume: nothing of another container or of the host is removed, or seen. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';

/** A name each, as it stands in a path of the API. */
const names = [
  '..',
  '.',
  '%2e%2e',
  '..%2f..%2ftreasure',
  'other%2f..%2fother',
  'other%2f_data',
  '%2fetc',
  '.removing-x',
  '.making-x',
  'a%00b',
  'other%0a',
  '-rf',
  '%C3%A4b',
  'a'.repeat(256),
];

let daemon: TestDaemon;
let treasure: string;
before(async () => {
  daemon = await TestDaemon.start();
  treasure = join(daemon.root, 'treasure');
  mkdirSync(treasure);
  writeFileSync(join(treasure, 'gold'), 'gold');
  await daemon.ok(['volume', 'create', 'other']);
  writeFileSync(join(place('other'), 'secret'), 'secret');
});
after(() => daemon.close());

const place = (name: string): string => join(daemon.dataRoot, 'volumes', name, '_data');
const api = (method: string, path: string, body?: unknown) => callApi(daemon.socket, method, path, body);

function nothingIsLost(): void {
  assert.equal(readFileSync(join(treasure, 'gold'), 'utf8'), 'gold');
  assert.equal(readFileSync(join(place('other'), 'secret'), 'utf8'), 'secret');
}

test('no name leads anywhere', async () => {
  const before = readdirSync(join(daemon.dataRoot, 'volumes'));
  for (const name of names) {
    const requests: Array<Promise<{ status: number; text: string }>> = [
      api('DELETE', `/volumes/${name}?force=true`),
      api('GET', `/volumes/${name}`),
      api('GET', `/gantry/volumes/${name}/export`),
      api('POST', `/gantry/volumes/${name}/rename?to=free`),
      api('POST', `/gantry/volumes/other/rename?to=${name}`),
      api('POST', `/gantry/volumes/other/clone?to=${name}`),
      api('POST', `/gantry/volumes/${name}/import`),
      api('POST', `/gantry/undo?name=${name}`),
      api('POST', '/volumes/create', { Name: decodeURIComponent(name) }),
      api('POST', '/containers/create', {
        Image: 'busybox',
        HostConfig: { Mounts: [{ Type: 'volume', Source: decodeURIComponent(name), Target: '/v' }] },
      }),
    ];
    /* A forced removal of what isn't there is none. */
    for (const [index, { status, text }] of (await Promise.all(requests)).entries())
      assert.ok(
        status >= 400 && status < 500 ? true : index === 0 && status === 204,
        `${index} ${name}: ${status} ${text}`,
      );
    assert.deepEqual(readdirSync(join(daemon.dataRoot, 'volumes')), before, name);
    nothingIsLost();
  }
  assert.equal(await daemon.ok(['ps', '-aq']), '');
});

test('a volume that is another directory is removed without it', async () => {
  for (const [index, device] of [treasure, place('other'), daemon.dataRoot].entries()) {
    const name = `bound${index}`;
    await daemon.ok(['volume', 'create', '-o', 'type=none', '-o', 'o=bind', '-o', `device=${device}`, name]);
    await daemon.ok(['run', '--rm', '-v', `${name}:/v:ro`, 'busybox', 'ls', '/v']);
    await daemon.ok(
      index === 1 ? ['volume', 'prune', '-af', '--filter', 'label!=x'] : ['volume', 'rm', name],
    );
    if (index === 1) {
      /* The prune took the other one as well: nobody had it. */
      assert.equal((await daemon.gantry(['undo', 'other'])).code, 0);
    }
    nothingIsLost();
  }
  const astray = await daemon.docker([
    ...['volume', 'create', '-o', 'type=none', '-o', 'o=bind'],
    ...['-o', `device=${treasure}/../treasure`, 'dots'],
  ]);
  assert.match(astray.stderr, /is not an absolute path/);
});

test('links that a container leaves lead nobody out: export, clone, copies, subpaths, sizes, removal', async () => {
  await daemon.ok(['volume', 'create', 'links']);
  const links = place('links');
  for (const [name, target] of [
    ['absolute', treasure],
    ['relative', '../../other/_data'],
    ['root', '/'],
  ] as const)
    symlinkSync(target, join(links, name));
  const exported = (await api('GET', '/gantry/volumes/links/export')).text;
  assert.doesNotMatch(exported, /secret|gold/, 'links are exported, not followed');
  assert.ok(exported.length < 20_000, `${exported.length} bytes`);
  await daemon.gantry(['volume', 'clone', 'links', 'copied']);
  assert.deepEqual(readdirSync(place('copied')).sort(), ['absolute', 'relative', 'root']);
  for (const subpath of ['absolute', 'relative', 'root/etc', '../other/_data', 'absolute/..']) {
    const { code, stdout } = await daemon.docker([
      ...['run', '--rm', '--mount', `type=volume,src=links,dst=/x,volume-subpath=${subpath}`],
      ...['busybox', 'ls', '/x'],
    ]);
    assert.notEqual(code, 0, `${subpath}: ${stdout}`);
    assert.doesNotMatch(stdout, /gold|secret/);
  }
  const { json } = await api('GET', '/system/df');
  const found = json.Volumes.find((volume: { Name: string }) => volume.Name === 'links');
  assert.ok(found.UsageData.Size < 1000, 'links count as such');
  await daemon.ok(['volume', 'rm', 'links', 'copied']);
  await daemon.gantry(['undo', '--clear']);
  nothingIsLost();
});

test('a subpath whose directory becomes a link meanwhile is refused, or is what was there', async () => {
  await daemon.ok(['volume', 'create', 'racing']);
  writeFileSync(join(place('racing'), 'marker'), '');
  const racer = await daemon.ok([
    ...['run', '-d', '-v', 'racing:/v', 'busybox', 'sh', '-c'],
    `cd /v; while :; do rm -rf part; mkdir part; touch part/own; rm -rf part; ln -s ${treasure} part; done`,
  ]);
  let mounted = 0;
  for (let round = 0; round < 12; round++) {
    const { code, stdout } = await daemon.docker([
      ...['run', '--rm', '--mount', 'type=volume,src=racing,dst=/x,volume-subpath=part'],
      ...['busybox', 'ls', '/x'],
    ]);
    if (code === 0) mounted += 1;
    assert.doesNotMatch(stdout, /gold/, `round ${round}`);
  }
  await daemon.ok(['rm', '-f', racer]);
  assert.ok(existsSync(join(treasure, 'gold')), `${mounted} were mounted`);
  await daemon.ok(['volume', 'rm', 'racing']);
  nothingIsLost();
});
