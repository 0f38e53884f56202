/** ADD: tars that are unpacked, files from web servers, checkouts of repositories; and contexts of all these. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { FetchedSource } from '../../src/build/files/files-types.ts';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { tarOf } from '../support/tar-writer.ts';
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

const add = { keyword: 'ADD', unpack: 'local' } as const;
const tarred =
  'mkdir -p t/d; echo 1 > t/d/f; chown 5:6 t/d/f; ln -s f t/d/l; tar -C t --numeric-owner -cf a.tar .';

test('local tars are unpacked in any compression, other files are copied', async () => {
  for (const [name, make] of [
    ['a.tar', 'true'],
    ['a.tar.gz', 'gzip a.tar'],
    ['a.bz2', 'bzip2 a.tar; mv a.tar.bz2 a.bz2'],
    ['a.xz', 'xz a.tar; mv a.tar.xz a.xz'],
  ] as const) {
    const source = bench.context(`${tarred}; ${make}; echo text > plain; head -c 3000 /dev/zero > zeros`, [
      name,
      'plain',
      'zeros',
    ]);
    const { upper } = await bench.copy([source], '/o/', { ...add, lower: [bench.directory()] });
    assert.deepEqual(
      await bench.list([upper]),
      [
        'o d 755 0:0',
        'o/d d 755 0:0',
        'o/d/f f 644 5:6',
        'o/d/l l 777 0:0 f',
        'o/plain f 644 0:0',
        'o/zeros f 644 0:0',
      ],
      name,
    );
  }
});

test('a tar goes into a directory of any name, on top of what is there, as whom --chown names', async () => {
  const lower = bench.directory('mkdir -p o/d/l; echo old > o/d/f; echo stays > o/d/other');
  const { upper } = await bench.copy([bench.context(tarred, ['*.tar'])], '/o', {
    ...add,
    lower: [lower],
    chown: '8:9',
  });
  assert.deepEqual(await bench.list([upper, lower]), [
    'o d 755 0:0',
    'o/d d 755 8:9',
    'o/d/f f 644 8:9',
    'o/d/l l 777 8:9 f',
    'o/d/other f 644 0:0',
  ]);
  const kept = await bench.copy([bench.context(tarred, ['a.tar'])], '/o/', { keyword: 'ADD', unpack: false });
  assert.deepEqual(await bench.list([kept.upper], '%P'), ['o', 'o/a.tar']);
  const broken = bench.context(`${tarred}; head -c 1200 a.tar > b.tar`, ['b.tar']);
  await assert.rejects(
    bench.copy([broken], '/o', add),
    (error) => isEngineError(error, 'invalid-argument') && /b\.tar/.test(error.message),
  );
});

test('a tar that is left out is not unpacked', async () => {
  const source = bench.context(`${tarred}; echo > x`, ['*.tar', 'x']);
  const { upper } = await bench.copy([source], '/o/', { ...add, exclude: ['*.tar'] });
  assert.deepEqual(await bench.list([upper], '%P'), ['o', 'o/x']);
});

test('a gzip that breaks off says so, and one that is cancelled leaves no process', async () => {
  const broken = bench.context(
    `${tarred}; head -c 3000000 /dev/urandom > t/big; tar -C t -czf b.tgz .; truncate -s 2M b.tgz`,
    ['b.tgz'],
  );
  await assert.rejects(
    bench.copy([broken], '/o', add),
    (error) => isEngineError(error, 'data-loss') && /cannot unpack b\.tgz/.test(error.message),
  );
  const controller = new AbortController();
  const large = bench.context('mkdir t; head -c 40000000 /dev/urandom > t/big; tar -C t -czf b.tgz .', [
    'b.tgz',
  ]);
  const adding = bench.copy([large], '/o', { ...add, signal: controller.signal });
  const fifos = join(bench.root, 'files/gzip');
  const begun = setInterval(() => readdirSync(fifos).length > 0 && controller.abort(), 1);
  await assert
    .rejects(adding, (error) => isEngineError(error, 'cancelled'))
    .finally(() => clearInterval(begun));
  assert.deepEqual(readdirSync(fifos), []);
});

test('no tar writes outside of the root', async () => {
  const outside = bench.directory();
  const hostile = [
    [{ name: `../../../../../../../..${outside}/up`, data: 'x' }],
    [
      { name: 'out', type: 'symlink', link: outside },
      { name: 'out/through', data: 'x' },
    ],
    [
      { name: 'rel', type: 'symlink', link: `../../../../../../../../../..${outside}` },
      { name: 'rel/through', data: 'x' },
    ],
    [{ name: 'hard', type: 'link', link: '/etc/hostname' }],
    [{ name: 'hard', type: 'link', link: '../../../../../../etc/hostname' }],
    [
      { name: 'a', type: 'symlink', link: '/' },
      { name: 'hard', type: 'link', link: 'a/etc/hostname' },
    ],
    [{ name: `${outside.slice(1)}/absolute`, data: 'x' }],
  ] as const;
  for (const [index, entries] of hostile.entries()) {
    const tar = tarOf(entries);
    const source = bench.context('true', ['a.tar']);
    assert.ok(source.kind === 'files' && source.tree.kind === 'directory');
    writeFileSync(join(source.tree.root, 'a.tar'), tar);
    await bench.copy([source], '/o', { ...add, lower: [bench.directory()] }).catch((error: unknown) => {
      assert.ok(isEngineError(error), String(error));
    });
    const context = bench.work.contexts.archive(async () => Readable.from([tar]));
    await context.sync({ ignore: [] }, bench.signal).then(
      (tree) => tree.release(),
      (error: unknown) => assert.ok(isEngineError(error), String(error)),
    );
    await context.close();
    assert.deepEqual(bench.run(outside, 'ls -A'), '', String(index));
  }
  assert.equal(statSync('/etc/hostname').nlink, 1);
});

test('a web server’s file has its name, time and digest', async () => {
  const content = Buffer.from('#!/bin/sh\n');
  const checksum = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const server = createServer((request, response) => {
    if (request.url === '/moved') response.writeHead(302, { location: '/dir/tool.sh?x=1' }).end();
    else if (request.url?.startsWith('/dir/tool.sh') === true)
      response.writeHead(200, { 'last-modified': 'Sat, 03 Feb 2001 04:05:06 GMT' }).end(content);
    else if (request.url === '/cut')
      response.writeHead(200, { 'content-length': '100' }).write('x', () => response.destroy());
    else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  try {
    const fetched = await bench.work.fetchHttp({ url: `${base}/dir/tool.sh?y=2`, checksum }, bench.signal);
    assert.equal(fetched.digest, checksum);
    const { upper } = await bench.copy([fetched.source], '/bin/', add);
    assert.deepEqual(await bench.list([upper], '%P %m %U:%G %Y %T@'), [
      `bin 755 0:0 d ${(statSync(join(upper, 'bin')).mtimeMs / 1000).toFixed(10)}`,
      'bin/tool.sh 600 0:0 f 981173106.0000000000',
    ]);
    const digests = await Promise.all(
      [fetched.source, fetched.source].map((one) => bench.work.digestOf({ sources: [one] }, bench.signal)),
    );
    assert.equal(digests[0], digests[1]);
    await fetched.release();
    const moved = await bench.work.fetchHttp({ url: `${base}/moved` }, bench.signal);
    assert.equal(moved.digest, checksum);
    assert.ok(moved.source.kind === 'files' && moved.source.patterns[0] === 'moved');
    await moved.release();
    const refused = async (
      url: string,
      code: 'unavailable' | 'failed-precondition' | 'invalid-argument',
      sum?: string,
    ): Promise<void> => {
      const request = sum === undefined ? { url } : { url, checksum: sum };
      await assert.rejects(bench.work.fetchHttp(request, bench.signal), (error) =>
        isEngineError(error, code),
      );
    };
    await refused(`${base}/nope`, 'unavailable');
    await refused(`${base}/cut`, 'unavailable');
    await refused(`${base}/dir/tool.sh`, 'failed-precondition', `sha256:${'0'.repeat(64)}`);
    await refused(`${base}/dir/tool.sh`, 'invalid-argument', 'md5:00');
    const context = bench.work.contexts.remote(`${base}/moved`, 'sub/Dockerfile');
    assert.deepEqual(await context.readFile('sub/Dockerfile', 100, bench.signal), content);
    assert.equal(await context.readFile('other', 100, bench.signal), undefined);
    await assert.rejects(context.readFile('sub/Dockerfile', 5, bench.signal), (error) =>
      isEngineError(error, 'resource-exhausted'),
    );
    await context.close();
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

/** A server of git's own for the repositories below `root`. */
async function serveGit(root: string): Promise<{ port: number; close(): Promise<void> }> {
  const probe = createTcpServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const program = join(execFileSync('git', ['--exec-path'], { encoding: 'utf8' }).trim(), 'git-daemon');
  const options = [
    '--listen=127.0.0.1',
    `--port=${port}`,
    '--export-all',
    `--base-path=${root}`,
    '--reuseaddr',
    root,
  ];
  const child = spawn(program, options, { stdio: 'ignore' });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  for (let tries = 0; tries < 100; tries += 1) {
    const isOpen = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.destroy();
        resolve(true);
      });
      socket.once('error', () => resolve(false));
    });
    if (isOpen) break;
    await sleep(50);
  }
  return {
    port,
    close: async () => {
      child.kill();
      await ended;
    },
  };
}

test('a repository is checked out at a reference, with its submodules, and nothing of it is run', async () => {
  const root = bench.directory();
  const outside = bench.directory('mkdir -p .git x/.git');
  const script = `export HOME=${root} GIT_AUTHOR_DATE=2001-01-01T00:00:00Z GIT_COMMITTER_DATE=2001-01-01T00:00:00Z
    c() { git -c user.name=n -c user.email=e -c protocol.file.allow=always "$@"; }
    git init -q -b main part; cd part; echo part > p; c add .; c commit -qm p; cd ..
    git init -q -b main repo; cd repo; mkdir sub; echo one > f; echo inner > sub/g; ln -s / sub/out; ln -s ${outside} sub/away; c add .; c commit -qm 1; c tag -a v1 -m v1
    c submodule --quiet add ../part lib; c config -f .gitmodules submodule.lib.url ../part; echo two > f; c add .; c commit -qm 2
    git config uploadpack.allowAnySHA1InWant true
    git rev-parse HEAD v1^{commit}`;
  const [head = '', first = ''] = bench.run(root, script).trim().split('\n');
  const server = await serveGit(root);
  const url = `git://127.0.0.1:${server.port}/repo`;
  const listed = async (fetched: FetchedSource): Promise<string[]> => {
    const { upper } = await bench.copy([fetched.source], '/o', add);
    await fetched.release();
    return await bench.list([upper], '%P');
  };
  const fetch = (more: string, options: object = {}): Promise<FetchedSource> =>
    bench.work.fetchGit({ url: `${url}${more}`, ...options }, bench.signal);
  try {
    const whole = [
      'o',
      'o/.gitmodules',
      'o/f',
      'o/lib',
      'o/lib/p',
      'o/sub',
      'o/sub/away',
      'o/sub/g',
      'o/sub/out',
    ];
    assert.deepEqual(await listed(await fetch('')), whole);
    assert.deepEqual(await listed(await fetch('#v1')), [
      'o',
      'o/f',
      'o/sub',
      'o/sub/away',
      'o/sub/g',
      'o/sub/out',
    ]);
    assert.deepEqual(await listed(await fetch(`#${first}:sub`)), ['o', 'o/away', 'o/g', 'o/out']);
    assert.deepEqual(
      await listed(await fetch('?branch=main&submodules=0')),
      whole.filter((path) => path !== 'o/lib/p'),
    );
    const kept = await fetch('#main', { keepGitDir: true, checksum: head.slice(0, 10) });
    assert.ok((await listed(kept)).includes('o/.git/HEAD'));
    const [one, other] = [await fetch('#v1'), await fetch(`#${first}`)];
    assert.equal(one.digest, other.digest);
    await Promise.all([one.release(), other.release()]);
    const refused = async (
      more: string,
      code: 'unavailable' | 'failed-precondition' | 'invalid-argument',
      options: object = {},
    ): Promise<void> => {
      await assert.rejects(fetch(more, options), (error) => isEngineError(error, code));
    };
    await refused('#nope', 'unavailable');
    await refused('#v1:f', 'invalid-argument');
    // A link to the root leads to the repository's own.
    assert.deepEqual(await listed(await fetch('#v1:sub/out')), [
      'o',
      'o/f',
      'o/sub',
      'o/sub/away',
      'o/sub/g',
      'o/sub/out',
    ]);
    await refused('#--upload-pack=x', 'invalid-argument');
    await refused('#main', 'failed-precondition', { checksum: first });
    const context = bench.work.contexts.remote(`${url}.git#v1:sub`);
    await assert.rejects(context.readFile('g', 100, bench.signal), (error) =>
      isEngineError(error, 'unavailable'),
    );
    const found = bench.work.contexts.remote(`${url}#v1:sub`);
    assert.equal((await found.readFile('g', 100, bench.signal))?.toString(), 'inner\n');
    await found.close();
    assert.equal(bench.run(outside, 'find . -mindepth 1 | sort | xargs'), './.git ./x ./x/.git\n');
  } finally {
    await server.close();
  }
});

test('a tar is a context, its links lead nowhere else, and it goes when it is released', async () => {
  const root = bench.directory(
    `mkdir c; echo FROM scratch > c/Dockerfile; ln -s /etc/passwd c/passwd; ln -s Dockerfile c/link; tar -C c -czf c.tgz .`,
  );
  const context = bench.work.contexts.archive(async () => createReadStream(join(root, 'c.tgz')));
  assert.equal((await context.readFile('link', 100, bench.signal))?.toString(), 'FROM scratch\n');
  assert.equal(await context.readFile('passwd', 1e6, bench.signal), undefined);
  const tree = await context.sync({ ignore: [] }, bench.signal);
  assert.ok(existsSync(join(tree.root, 'Dockerfile')));
  await tree.release();
  assert.ok(!existsSync(tree.root));
  const none = bench.work.contexts.archive(async () =>
    Readable.from([Buffer.from('no tar at all'.repeat(100))]),
  );
  await assert.rejects(none.sync({ ignore: [] }, bench.signal), (error) =>
    isEngineError(error, 'invalid-argument'),
  );
  await none.close();
});
