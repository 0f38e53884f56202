/** COPY of files into layers: what goes where, with whose rights, and never anywhere else. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
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

test('a file goes to a path, or under its name into a directory', async () => {
  const source = bench.context('echo hello > a.txt; chmod 640 a.txt; chown 7:8 a.txt', ['a.txt']);
  const named = await bench.copy([source], '/x/y');
  assert.deepEqual(await bench.list([named.upper]), ['x d 755 0:0', 'x/y f 640 0:0']);
  assert.equal(readFileSync(join(named.upper, 'x/y'), 'utf8'), 'hello\n');
  assert.deepEqual(named.result, { entries: 1, bytes: 6 });
  const inside = await bench.copy([source], 'sub/', { workdir: '/w' });
  assert.deepEqual(await bench.list([inside.upper], '%P'), ['w', 'w/sub', 'w/sub/a.txt']);
  const here = await bench.copy([source], '.', { workdir: '/w' });
  assert.deepEqual(await bench.list([here.upper], '%P'), ['w', 'w/a.txt']);
  const there = await bench.copy([source], '/dir', { lower: [bench.directory('mkdir dir')] });
  assert.ok(existsSync(join(there.upper, 'dir/a.txt')));
});

test('of a directory its content is copied, with modes, links, times and hard links', async () => {
  const script = `mkdir -m 750 src src/deep; echo 1 > src/deep/f; chmod 4755 src/deep/f; ln src/deep/f src/again
    ln -s /etc/passwd src/link; ln -s nowhere src/dangling; mkfifo src/pipe; touch -d 2001-02-03T04:05:06Z src/deep src/deep/f`;
  const { upper } = await bench.copy([bench.context(script, ['src'])], '/app');
  assert.deepEqual(await bench.list([upper]), [
    'app d 755 0:0',
    'app/again f 4755 0:0',
    'app/dangling l 777 0:0 nowhere',
    'app/deep d 750 0:0',
    'app/deep/f f 4755 0:0',
    'app/link l 777 0:0 /etc/passwd',
    'app/pipe p 644 0:0',
  ]);
  const [one, other] = [statSync(join(upper, 'app/again')), statSync(join(upper, 'app/deep/f'))];
  assert.equal(one.ino, other.ino);
  assert.equal(one.mtime.toISOString(), '2001-02-03T04:05:06.000Z');
  assert.equal(lstatSync(join(upper, 'app/deep')).mtime.toISOString(), '2001-02-03T04:05:06.000Z');
});

test('links of the source and of the target lead within their roots', async () => {
  const source = bench.context(
    'ln -s /real entry; echo in > real; ln -s ../../../../etc up; mkdir etc; echo own > etc/passwd',
    ['entry', 'up/passwd'],
  );
  const lower = bench.directory('ln -s /elsewhere opt; ln -s ../../../../tmp escape');
  const { upper } = await bench.copy([source], '/opt/', { lower: [lower] });
  assert.deepEqual(await bench.list([upper], '%P'), ['elsewhere', 'elsewhere/entry', 'elsewhere/passwd']);
  assert.equal(readFileSync(join(upper, 'elsewhere/entry'), 'utf8'), 'in\n');
  assert.equal(readFileSync(join(upper, 'elsewhere/passwd'), 'utf8'), 'own\n');
  const escaped = await bench.copy([source], '/escape/', { lower: [lower] });
  assert.deepEqual(await bench.list([escaped.upper], '%P'), ['tmp', 'tmp/entry', 'tmp/passwd']);
});

test('what is below is merged, replaced and hidden as the overlay has it', async () => {
  const bottom = bench.directory(
    'mkdir -p app/keep gone; echo old > app/f; echo x > gone/below; chmod 700 app; chown 5:6 app',
  );
  const top = bench.directory('mknod gone c 0 0');
  const source = bench.context(
    'mkdir -p s/gone s/keep; echo new > s/f; echo y > s/gone/above; chmod 711 s/keep',
    ['s'],
  );
  const app = await bench.copy([source], '/app', { lower: [top, bottom] });
  assert.deepEqual(await bench.list([app.upper, top, bottom]), [
    'app d 700 5:6',
    'app/f f 644 0:0',
    'app/gone d 755 0:0',
    'app/gone/above f 644 0:0',
    'app/keep d 711 0:0',
  ]);
  const root = await bench.copy([source], '/', { lower: [top, bottom] });
  assert.deepEqual(await bench.list([root.upper, top, bottom], '%P'), [
    'app',
    'app/f',
    'app/keep',
    'f',
    'gone',
    'gone/above',
    'keep',
  ]);
});

test('neither a directory takes the place of a file, nor the other way round', async () => {
  const lower = bench.directory('mkdir -p d/x; echo f > f; ln -s d link');
  const refused = async (
    script: string,
    pattern: string,
    destination: string,
    words: RegExp,
  ): Promise<void> => {
    await assert.rejects(
      bench.copy([bench.context(script, [pattern])], destination, { lower: [lower] }),
      (error) => {
        return isEngineError(error, 'invalid-argument') && words.test(error.message);
      },
    );
  };
  await refused('mkdir s; echo > s/x', 's', '/d', /^cannot replace to directory \/d\/x with file$/);
  await refused('mkdir s', 's', '/f', /^cannot copy to non-directory: \/f$/);
  await refused('mkdir -p s/link', 's', '/', /^cannot copy to non-directory: \/link$/);
  await refused('echo > a', 'a', '/f/', /^cannot copy to non-directory: \/f$/);
  await refused('echo > a', 'a', '/f/x', /not a directory/);
  await refused('echo > a; echo > b', '[ab]', '/new', /^When using COPY with more than one source file/);
  await assert.rejects(
    bench.copy([bench.context('echo > a; echo > b', ['a', 'b'])], '/new'),
    /more than one source file/,
  );
});

test('wildcards fit names, and several go into a directory', async () => {
  const script = 'mkdir -p d/e; for n in a.go b.go c.txt d/x.go d/e/y.go; do echo $n > $n; done';
  const copied = async (...patterns: string[]): Promise<string[]> =>
    bench.list([(await bench.copy([bench.context(script, patterns)], '/o/')).upper], '%P');
  assert.deepEqual(await copied('*.go'), ['o', 'o/a.go', 'o/b.go']);
  assert.deepEqual(await copied('*/*.go', '?.txt'), ['o', 'o/c.txt', 'o/x.go']);
  assert.deepEqual(await copied('d*'), ['o', 'o/e', 'o/e/y.go', 'o/x.go']);
  assert.deepEqual(await copied('nothing*', 'c.txt'), ['o', 'o/c.txt']);
  await assert.rejects(
    copied('nothing'),
    (error) => isEngineError(error, 'not-found') && error.details['path'] === '/nothing',
  );
  await assert.rejects(copied('[a'), /syntax error in pattern/);
});

test('--parents, --exclude and the ignore file', async () => {
  const script =
    'mkdir -p a/b/c n; chmod 700 a/b; for n in a/b/x.txt a/b/y.md a/b/c/z.txt n/q; do echo $n > $n; done';
  const parents = async (pattern: string, more: object = {}): Promise<string[]> => {
    const { upper } = await bench.copy([bench.context(script, [pattern])], '/o', { parents: true, ...more });
    return await bench.list([upper], '%P %m');
  };
  assert.deepEqual(await parents('a/b/x.txt'), ['o 755', 'o/a 755', 'o/a/b 700', 'o/a/b/x.txt 644']);
  assert.deepEqual(await parents('a/./b/*.txt'), ['o 755', 'o/b 700', 'o/b/x.txt 644']);
  assert.deepEqual(await parents('**/*.txt', { exclude: ['**/c'] }), [
    'o 755',
    'o/a 755',
    'o/a/b 700',
    'o/a/b/x.txt 644',
  ]);
  const excluded = await bench.copy([bench.context(script, ['a'])], '/o', { exclude: ['b', '!b/c/*.txt'] });
  assert.deepEqual(await bench.list([excluded.upper], '%P'), ['o', 'o/b', 'o/b/c', 'o/b/c/z.txt']);
  const ignoring = await bench.copy([bench.context(script, ['.'], ['a/*', '!a/b', '**/*.md', 'n'])], '/o');
  assert.deepEqual(await bench.list([ignoring.upper], '%P'), [
    'o',
    'o/a',
    'o/a/b',
    'o/a/b/c',
    'o/a/b/c/z.txt',
    'o/a/b/x.txt',
  ]);
  await assert.rejects(bench.copy([bench.context(script, ['n/q'], ['n'])], '/o'), (error) =>
    isEngineError(error, 'not-found'),
  );
});

test('--chown by the names of the stage, --chmod of all that is written', async () => {
  const lower = bench.directory(
    'mkdir etc; echo "app:x:1000:50::/:/bin/sh" > etc/passwd; echo "staff:x:77:" > etc/group',
  );
  const source = bench.context('mkdir -p s/d; echo > s/d/f; ln -s f s/d/l; chown 9:9 s/d/f', ['s']);
  const listed = async (more: object): Promise<string[]> =>
    bench.list([(await bench.copy([source], '/n/o', { lower: [lower], ...more })).upper]);
  assert.deepEqual(await listed({ chown: 'app', chmod: '750' }), [
    'n d 755 1000:50',
    'n/o d 755 1000:50',
    'n/o/d d 750 1000:50',
    'n/o/d/f f 750 1000:50',
    'n/o/d/l l 777 1000:50 f',
  ]);
  assert.match((await listed({ chown: '12', chmod: 'u+x,go=' })).join(), /n\/o\/d\/f f 700 12:12/);
  assert.match((await listed({ chown: 'app:staff' })).join(), /n\/o\/d\/f f 644 1000:77/);
  await assert.rejects(listed({ chown: 'nobody-here' }), (error) => isEngineError(error, 'invalid-argument'));
  await assert.rejects(listed({ chmod: '9' }), /invalid chmod/);
});

test('of a stage owners, attributes and holes are kept, and whiteouts seen', async () => {
  const bottom = bench.directory(
    'mkdir -p app/d; echo 1 > app/gone; echo 2 > app/d/kept; chown 3:4 app/d/kept app/d',
  );
  const top = bench.directory(
    'mkdir app; mknod app/gone c 0 0; truncate -s 64M app/holes; echo end >> app/holes; touch app/marked',
  );
  await bench.launcher.fileOperations(top, [
    {
      kind: 'setxattr',
      path: 'app/marked',
      name: 'security.capability',
      value: Buffer.from('0100000200040000000000000000000000000000', 'hex'),
    },
  ]);
  const source = {
    kind: 'files',
    tree: { kind: 'layers', trees: [top, bottom] },
    patterns: ['/app'],
  } as const;
  const { upper } = await bench.copy([source], '/app', { lower: [bench.directory('mkdir app')] });
  assert.deepEqual(await bench.list([upper]), [
    'app d 755 0:0',
    'app/d d 755 3:4',
    'app/d/kept f 644 3:4',
    'app/holes f 644 0:0',
    'app/marked f 644 0:0',
  ]);
  const holes = statSync(join(upper, 'app/holes'));
  assert.equal(holes.size, 64 * 1024 * 1024 + 4);
  assert.ok(holes.blocks * 512 < 1024 * 1024, String(holes.blocks));
  const [attributes] = await bench.launcher.attributes(upper, [Buffer.from('app/marked')], ['security.']);
  assert.deepEqual([...(typeof attributes === 'object' ? attributes.keys() : [])], ['security.capability']);
});

test('here-documents have the time they are told', async () => {
  const inline = { kind: 'inline', name: 'EOF', content: Buffer.from('text\n') } as const;
  const { upper } = await bench.copy([inline], '/etc/motd', {
    chmod: '600',
    chown: '5',
    createdAt: 1_000_000_000,
  });
  assert.deepEqual(await bench.list([upper], '%P %m %U %T@'), [
    'etc 755 5 1000000000.0000000000',
    'etc/motd 600 5 1000000000.0000000000',
  ]);
  assert.equal(readFileSync(join(upper, 'etc/motd'), 'utf8'), 'text\n');
});

test('a directory that is swapped for a link all the time lets nothing from outside in', async () => {
  const outside = bench.directory('mkdir inner; echo secret > f; echo secret > inner/f');
  const root = bench.directory(
    `mkdir -p s/d/inner spare; echo own > s/d/f; echo own > s/d/inner/f; ln -s ${outside} spare/link`,
  );
  // Exchanges the directory and the link, until it is ended.
  const script = `import os\nwhile True:\n os.rename("s/d","spare/d")\n os.rename("spare/link","s/d")\n os.rename("s/d","spare/link")\n os.rename("spare/d","s/d")\n`;
  const swapper = spawn('python3', ['-c', script], { cwd: root, stdio: 'ignore' });
  const ended = new Promise((resolve) => swapper.once('exit', resolve));
  const source = { kind: 'files', tree: { kind: 'directory', root }, patterns: ['s'] } as const;
  try {
    for (let round = 0; round < 60; round += 1) {
      const copied = await bench.copy([source], '/o').catch((error: unknown) => {
        assert.ok(isEngineError(error), String(error));
      });
      if (copied !== undefined) assert.equal(bench.run(copied.upper, 'grep -rl secret . || true'), '');
      await bench.work.digestOf({ sources: [source] }, bench.signal).catch((error: unknown) => {
        assert.ok(isEngineError(error), String(error));
      });
    }
  } finally {
    swapper.kill('SIGKILL');
    await ended;
  }
});

test('a cancelled copy ends, and leaves no mount', async () => {
  const controller = new AbortController();
  const source = bench.context(
    'for i in $(seq 300); do mkdir $i; for j in $(seq 20); do echo > $i/$j; done; done',
    ['.'],
  );
  const copying = bench.copy([source], '/o', { lower: [bench.directory()], signal: controller.signal });
  setTimeout(() => controller.abort(), 30);
  await assert.rejects(copying, (error) => isEngineError(error, 'cancelled'));
  assert.deepEqual(readdirSync(join(bench.root, 'files/temporary')), []);
});
