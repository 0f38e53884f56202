/** Images that were made from each other: what lists show, what a removal takes, what a prune wins, by the command line. */
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { callApi } from '../support/api-client.ts';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
  daemon.client = 'bin/gantry';
});
after(() => daemon.close());
afterEach(async () => {
  await daemon.removeAll();
  const ids = await daemon.ok(['images', '-aq', '--no-trunc']);
  const busybox = await daemon.ok(['inspect', '-f', '{{.Id}}', 'busybox']);
  for (const id of new Set(ids.split('\n'))) if (id !== busybox) await daemon.docker(['rmi', '-f', id]);
});

/** An image of `from` with a file of `kilobytes` more. Returns its ID. */
async function grow(from: string, name: string, kilobytes: number, ...flags: string[]): Promise<string> {
  const command = `dd if=/dev/urandom of=/${name.replace(/\W/g, '-')}-$$ bs=1k count=${kilobytes} 2>/dev/null`;
  const container = await daemon.ok(['create', from, 'sh', '-c', command]);
  await daemon.ok(['start', '-a', container]);
  const id = await daemon.ok(['commit', ...flags, container, ...(name === '' ? [] : [name])]);
  await daemon.ok(['rm', container]);
  return id;
}

async function layersSize(): Promise<number> {
  const { json } = await callApi(daemon.socket, 'GET', '/system/df');
  return json.LayersSize;
}

const short = (id: string): string => id.slice('sha256:'.length, 'sha256:'.length + 12);

test('parents: in inspect and history, hidden without a name, kept while they have children', async () => {
  const first = await grow('busybox', 'line:1', 1);
  const second = await grow('line:1', 'line:1', 1);
  assert.equal(await daemon.ok(['inspect', '-f', '{{.Parent}}', 'line:1']), first);
  const history = await daemon.ok(['history', '-q', '--no-trunc', 'line:1']);
  const busybox = await daemon.ok(['inspect', '-f', '{{.Id}}', 'busybox']);
  assert.deepEqual(history.split('\n').slice(0, 3), [second, first, busybox]);
  const listed = async (...flags: string[]) =>
    (await daemon.ok(['images', '-q', ...flags])).split('\n').sort();
  assert.deepEqual(await listed(), [short(second), short(busybox)].sort());
  assert.deepEqual(await listed('-a'), [short(first), short(second), short(busybox)].sort());
  assert.deepEqual(await listed('-f', 'dangling=true'), ['']);
  const refused = await daemon.docker(['rmi', '-f', short(first)]);
  assert.match(
    refused.stderr,
    new RegExp(
      `conflict: unable to delete ${short(first)} \\(cannot be forced\\) - image has dependent child images`,
    ),
  );
  assert.equal(await daemon.ok(['image', 'prune', '-f']), 'Total reclaimed space: 0B');
});

test('a removal takes the parents that have no name, and tells of each; --no-prune does not', async () => {
  const first = await grow('busybox', 'line:1', 1);
  const second = await grow('line:1', 'line:1', 1);
  const kept = (await daemon.ok(['rmi', '--no-prune', 'line:1'])).split('\n');
  assert.deepEqual(kept.slice(0, 2), ['Untagged: line:1', `Deleted: ${second}`]);
  assert.deepEqual(await daemon.ok(['images', '-q', '-f', 'dangling=true']), short(first));
  const third = await grow(first, 'line:2', 1);
  const since = String(Date.now() / 1000);
  const gone = (await daemon.ok(['rmi', 'line:2']))
    .split('\n')
    .filter((line) => /Untagged|:\d|Deleted/.test(line));
  const images = gone.filter(
    (line) => line.includes(first) || line.includes(third) || line.startsWith('Untagged'),
  );
  assert.deepEqual(images, ['Untagged: line:2', `Deleted: ${third}`, `Deleted: ${first}`]);
  const until = String(Date.now() / 1000 + 0.01);
  const format = '{{.Action}} {{.Actor.ID}}';
  const filter = ['--since', since, '--until', until, '--filter', 'type=image', '--format', format];
  assert.equal(
    await daemon.ok(['events', ...filter]),
    [`untag ${third}`, `delete ${third}`, `delete ${first}`].join('\n'),
  );
});

test('layers of an image that is gone go with the last container that stands on them', async () => {
  const before = await layersSize();
  await grow('busybox', 'gone:1', 100);
  const withImage = await layersSize();
  assert.ok(withImage >= before + 100 * 1024);
  await daemon.ok(['create', '--name', 'one', 'gone:1', 'true']);
  await daemon.ok(['create', '--name', 'two', 'gone:1', 'true']);
  await daemon.ok(['rmi', '-f', 'gone:1']);
  assert.equal(await layersSize(), withImage);
  await daemon.ok(['start', '-a', 'one']);
  await daemon.ok(['rm', 'one']);
  assert.equal(await layersSize(), withImage);
  await daemon.ok(['rm', 'two']);
  assert.equal(await layersSize(), before);
});

test('image prune: what has no name, then what no container uses; age and labels; the bytes that went', async () => {
  await grow('busybox', 'used:1', 10);
  await daemon.ok(['create', '--name', 'user', 'used:1', 'true']);
  await grow('busybox', 'kept:1', 20, '-c', 'LABEL keep=yes');
  await grow('busybox', 'idle:1', 30);
  await grow('busybox', 'moved:1', 40);
  const unnamed = await daemon.ok(['inspect', '-f', '{{.Id}}', 'moved:1']);
  await grow('busybox', 'moved:1', 50);
  const size = await layersSize();
  assert.equal(
    await daemon.ok(['image', 'prune', '-f', '--filter', 'until=1h']),
    'Total reclaimed space: 0B',
  );
  const dangling = await daemon.ok(['image', 'prune', '-f']);
  assert.match(
    dangling,
    new RegExp(`^Deleted Images:\ndeleted: ${unnamed}\ndeleted: sha256:[0-9a-f]{64}\n\n`),
  );
  assert.match(dangling, /Total reclaimed space: 4[01]\.\d*kB$/);
  assert.ok(size - (await layersSize()) >= 40 * 1024);
  const filter = ['--filter', 'label!=keep=yes'];
  const all = await daemon.ok(['image', 'prune', '-af', ...filter]);
  for (const name of ['idle:1', 'moved:1', 'busybox:latest'])
    assert.match(all, new RegExp(`^untagged: ${name}$`, 'm'));
  assert.equal(
    await daemon
      .ok(['images', '--format', '{{.Repository}}:{{.Tag}}'])
      .then((text) => text.split('\n').sort().join()),
    'kept:1,used:1',
  );
  assert.match(
    await daemon.ok(['system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Active}}']),
    /^Images 2 1$/m,
  );
  await daemon.ok(['rm', 'user']);
  assert.match(
    await daemon.ok(['system', 'prune', '-af']),
    /untagged: used:1[\s\S]*untagged: kept:1|untagged: kept:1/,
  );
  assert.equal(await layersSize(), 0);
  await daemon.loadBusybox();
});

test('references by patterns', async () => {
  for (const name of [
    'reg.example:5000/team/app:1.0',
    'reg.example:5000/team/app:1.1',
    'team/app:1.0',
    'app',
  ])
    await daemon.ok(['tag', 'busybox', name]);
  const named = async (...patterns: string[]) => {
    const filters = patterns.flatMap((pattern) => ['-f', `reference=${pattern}`]);
    const text = await daemon.ok(['images', ...filters, '--format', '{{.Repository}}:{{.Tag}}']);
    return text.split('\n').sort();
  };
  const [one, two] = ['reg.example:5000/team/app:1.0', 'reg.example:5000/team/app:1.1'];
  assert.deepEqual(await named('reg.example:5000/*/*'), [one, two]);
  assert.deepEqual(await named('*/*/*:*.1'), [two]);
  assert.deepEqual(await named('*/app'), ['team/app:1.0']);
  assert.deepEqual(await named('a?p', '*:1.1'), ['app:latest']);
  assert.deepEqual(await named('[a-b]*'), ['app:latest', 'busybox:latest']);
  assert.deepEqual(await named('nothing*'), ['']);
  const bad = await daemon.docker(['images', '-f', 'reference=[']);
  assert.match(bad.stderr, /^Error response from daemon: syntax error in pattern/);
  for (const name of [one, two, 'team/app:1.0', 'app']) await daemon.ok(['rmi', name]);
});
