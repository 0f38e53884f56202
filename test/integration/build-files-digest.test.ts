/** Digests of what COPY reads: they change exactly when the result of the copy would. */
import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { CopySource, DigestQuery } from '../../src/build/files/files-types.ts';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { FilesBench } from './build-files-fixture.ts';

let bench: FilesBench;
before(async () => {
  bench = await FilesBench.open();
});
after(async () => {
  const left = bench.leftovers();
  await bench.close();
  assert.deepEqual(left, []);
});

interface Node {
  name: string;
  kind: 'file' | 'directory' | 'link';
  mode: number;
  content: string;
  children: Node[];
}

interface Query extends Pick<DigestQuery, 'parents' | 'exclude'> {
  ignore?: readonly string[];
}

function digestOf(root: string, pattern: string, { ignore = [], ...query }: Query = {}): Promise<string> {
  const source: CopySource = {
    kind: 'files',
    tree: { kind: 'directory', root },
    patterns: [pattern],
    ignore,
  };
  return bench.work.digestOf({ sources: [source], ...query }, bench.signal);
}

test('names, types, modes, links and content count; times, owners of contexts and hard links do not', async () => {
  const root = bench.directory('mkdir -p s/d; echo 1 > s/f; echo 2 > s/d/g; ln -s f s/l; echo out > other');
  const seen = new Set([await digestOf(root, 's')]);
  const same = async (change: () => void): Promise<void> => {
    change();
    assert.ok(seen.has(await digestOf(root, 's')), change.toString());
  };
  const differs = async (change: () => void): Promise<void> => {
    change();
    const digest = await digestOf(root, 's');
    assert.ok(!seen.has(digest), change.toString());
    seen.add(digest);
  };
  await same(() => utimesSync(join(root, 's/f'), 1, 1));
  await same(() => utimesSync(join(root, 's/d'), 1, 1));
  await same(() => chownSync(join(root, 's/f'), 5, 6));
  await same(() => chmodSync(join(root, 's'), 0o700));
  await same(() => appendFileSync(join(root, 'other'), 'x'));
  await same(() => {
    rmSync(join(root, 's/d/g'));
    writeFileSync(join(root, 's/d/g'), '2\n');
  });
  await differs(() => writeFileSync(join(root, 's/f'), '3\n'));
  await differs(() => chmodSync(join(root, 's/f'), 0o755));
  await differs(() => chmodSync(join(root, 's/d'), 0o700));
  await differs(() => renameSync(join(root, 's/f'), join(root, 's/e')));
  await differs(() => symlinkSync('x', join(root, 's/d/new')));
  await differs(() => {
    rmSync(join(root, 's/l'));
    symlinkSync('elsewhere', join(root, 's/l'));
  });
  await differs(() => mkdirSync(join(root, 's/empty')));
  await differs(() => linkSync(join(root, 's/e'), join(root, 's/second')));
  await same(() => {
    const content = readFileSync(join(root, 's/second'));
    rmSync(join(root, 's/second'));
    writeFileSync(join(root, 's/second'), content, { mode: 0o755 });
  });
});

test('a change within one size and one tick of the clock is seen', async () => {
  const root = bench.directory('mkdir s');
  const digests = new Set<string>();
  for (let round = 0; round < 20; round += 1) {
    writeFileSync(join(root, 's/f'), String(round).padStart(3, '0'));
    utimesSync(join(root, 's/f'), 5, 5);
    digests.add(await digestOf(root, 's'));
  }
  assert.equal(digests.size, 20);
});

test('what is kept from earlier builds is used, and not believed when a file has changed', async () => {
  const root = bench.directory('mkdir s; for i in $(seq 50); do echo $i > s/$i; done');
  await sleep(250);
  const first = await digestOf(root, 's');
  const lines = readFileSync(join(bench.root, 'files/file-digests'), 'latin1').trim().split('\n');
  assert.ok(lines.length > 50, String(lines.length));
  // A wrong digest for all: it is used where the file is as it was.
  writeFileSync(
    join(bench.root, 'files/file-digests'),
    `${lines[0]}\n${lines
      .slice(1)
      .map((line) => `${line.slice(0, -64)}${'0'.repeat(64)}`)
      .join('\n')}\n`,
  );
  assert.notEqual(await digestOf(root, 's'), first);
  bench.run(root, 'for i in $(seq 50); do echo $i > s/$i; done');
  assert.equal(await digestOf(root, 's'), first);
  writeFileSync(join(bench.root, 'files/file-digests'), 'rubbish\nrubbish 1 2\n');
  assert.equal(await digestOf(root, 's'), first);
});

test('what is left out does not count, and what the selection is called does', async () => {
  const root = bench.directory('mkdir -p s/skip; echo 1 > s/a; echo 2 > s/b; echo 3 > s/skip/c');
  const all = await digestOf(root, 's');
  const without = await digestOf(root, 's', { ignore: ['s/skip', 's/b'] });
  assert.notEqual(all, without);
  assert.equal(await digestOf(root, 's', { exclude: ['skip', 'b'] }), without);
  writeFileSync(join(root, 's/b'), 'changed');
  assert.equal(await digestOf(root, 's', { ignore: ['s/skip', 's/b'] }), without);
  assert.notEqual(await digestOf(root, 's/a'), await digestOf(root, 's/b'));
  assert.notEqual(await digestOf(root, 's/a', { parents: true }), await digestOf(root, 's/a'));
  await assert.rejects(digestOf(root, 'nope'), (error) => isEngineError(error, 'not-found'));
  const inline = (content: string): Promise<string> =>
    bench.work.digestOf(
      { sources: [{ kind: 'inline', name: 'EOF', content: Buffer.from(content) }] },
      bench.signal,
    );
  assert.equal(await inline('a'), await inline('a'));
  assert.notEqual(await inline('a'), await inline('b'));
});

test('of layers the merged view counts, with owners', async () => {
  const bottom = bench.directory('mkdir d; echo 1 > d/a; echo 2 > d/b');
  const flat = bench.directory('mkdir d; echo 1 > d/a');
  const digest = (...trees: string[]): Promise<string> =>
    bench.work.digestOf(
      { sources: [{ kind: 'files', tree: { kind: 'layers', trees }, patterns: ['/d'] }] },
      bench.signal,
    );
  const hiding = bench.directory('mkdir d; mknod d/b c 0 0');
  assert.equal(await digest(hiding, bottom), await digest(flat));
  assert.notEqual(await digest(bottom), await digest(flat));
  assert.notEqual(await digest(bench.directory('mkdir d; echo 1 > d/a; chown 3 d/a')), await digest(flat));
});

const tree: fc.Arbitrary<Node> = fc.letrec<{ node: Node }>((tie) => ({
  node: fc.record({
    name: fc.constantFrom('a', 'b', 'c', 'ab', '-', 'ü', 'x y'),
    kind: fc.constantFrom<Node['kind'][]>('file', 'directory', 'link'),
    mode: fc.constantFrom(0o644, 0o755),
    content: fc.constantFrom('1', '2', '11', 'f0644'),
    children: fc.oneof({ maxDepth: 2 }, fc.constant<Node[]>([]), fc.array(tie('node'), { maxLength: 3 })),
  }),
})).node;

/** What of a node the file system has. */
function shapeOf(nodes: readonly Node[]): unknown {
  const byName = new Map(nodes.toReversed().map((node) => [node.name, node]));
  return [...byName.values()]
    .sort((one, other) => (one.name < other.name ? -1 : 1))
    .map(({ name, kind, mode, content, children }) => {
      if (kind === 'link') return [name, kind, content];
      return [name, kind, mode, kind === 'file' ? content : shapeOf(children)];
    });
}

function write(directory: string, nodes: readonly Node[]): void {
  const done = new Set<string>();
  for (const { name, kind, mode, content, children } of nodes) {
    if (done.has(name)) continue;
    done.add(name);
    const path = join(directory, name);
    if (kind === 'link') symlinkSync(content, path);
    else if (kind === 'file') writeFileSync(path, content);
    else {
      mkdirSync(path);
      write(path, children);
    }
    if (kind !== 'link') chmodSync(path, mode);
  }
}

test('two trees have one digest exactly where they are the same', async () => {
  const byDigest = new Map<string, string>();
  const byShape = new Map<string, string>();
  await fc.assert(
    fc.asyncProperty(fc.array(tree, { maxLength: 4 }), async (nodes) => {
      const root = bench.directory('mkdir s');
      write(join(root, 's'), nodes);
      const shape = JSON.stringify(shapeOf(nodes));
      const digest = await digestOf(root, 's');
      assert.equal(byDigest.get(digest) ?? shape, shape);
      assert.equal(byShape.get(shape) ?? digest, digest);
      byDigest.set(digest, shape);
      byShape.set(shape, digest);
      rmSync(root, { recursive: true });
    }),
    { numRuns: 150 },
  );
});
