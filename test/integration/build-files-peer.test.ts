/** COPY and ADD beside a dockerd's classic builder: the same sources and destinations give the same files. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { CopySource } from '../../src/build/files/files-types.ts';
import { dockerCli } from '../support/daemon.ts';
import { noDockerd, PeerDockerd } from '../support/peer-dockerd.ts';
import { FilesBench } from './build-files-fixture.ts';

const skip = dockerCli === undefined ? 'no docker' : (noDockerd ?? false);

interface Case {
  keyword: 'COPY' | 'ADD';
  sources: string[];
  destination: string;
  chown?: string;
}

const context = `mkdir -p base/etc base/have/sub base/opt; echo root:x:0:0::/: > base/etc/passwd; echo app:x:1000:50::/: >> base/etc/passwd
  echo app:x:1000: > base/etc/group; echo old > base/have/f; ln -s have base/link; ln -s /have/sub base/deep; chmod 711 base/have/sub
  mkdir -p d/sub; echo f > d/f; echo g > d/sub/g; chmod 4755 d/f; chmod 700 d/sub; ln -s f d/l; ln -s /nowhere d/dangling; chown 5:6 d/f
  echo a > a.txt; echo b > b.txt; chmod 600 b.txt; mkdir -p t/in; echo t > t/in/t; chown 7:8 t/in/t; tar -C t --numeric-owner -cf t.tar .
  gzip -k t.tar; rm -r t; echo no tar > fake.tar; mkdir empty`;

const cases: Case[] = [
  { keyword: 'COPY', sources: ['a.txt'], destination: '/x' },
  { keyword: 'COPY', sources: ['a.txt'], destination: '/x/' },
  { keyword: 'COPY', sources: ['a.txt', 'b.txt'], destination: '/x/y/' },
  { keyword: 'COPY', sources: ['*.txt'], destination: '/have/' },
  { keyword: 'COPY', sources: ['a.txt'], destination: '/have' },
  { keyword: 'COPY', sources: ['a.txt'], destination: '/have/f' },
  { keyword: 'COPY', sources: ['a.txt'], destination: '/link/' },
  { keyword: 'COPY', sources: ['a.txt'], destination: '/deep' },
  { keyword: 'COPY', sources: ['d'], destination: '/have' },
  { keyword: 'COPY', sources: ['d/'], destination: '/new/place/' },
  { keyword: 'COPY', sources: ['d/sub'], destination: '/have/sub' },
  { keyword: 'COPY', sources: ['d/l'], destination: '/x' },
  { keyword: 'COPY', sources: ['d'], destination: '/o', chown: 'app:app' },
  { keyword: 'COPY', sources: ['d', 'a.txt'], destination: '/o/', chown: '3:4' },
  { keyword: 'COPY', sources: ['empty'], destination: '/o/p' },
  { keyword: 'COPY', sources: ['t.tar'], destination: '/o/' },
  { keyword: 'ADD', sources: ['t.tar'], destination: '/o' },
  { keyword: 'ADD', sources: ['t.tar.gz'], destination: '/have/' },
  { keyword: 'ADD', sources: ['fake.tar', 'a.txt'], destination: '/o/' },
  // Left out, as BuildKit has it otherwise: --chown of a tar's files, and the group of a name without one (passwd's, not the name's).
];

let bench: FilesBench;
let peer: PeerDockerd | undefined;
before(async () => {
  if (skip !== false) return;
  bench = await FilesBench.open();
  peer = await PeerDockerd.start();
});
after(async () => {
  await peer?.stop();
  await bench?.close();
});

function docker(...args: string[]): Buffer {
  const env = { ...process.env, DOCKER_BUILDKIT: '0' };
  return execFileSync(dockerCli ?? '', ['-H', peer?.host ?? '', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** What dockerd puts in a container to mount over. */
const ofDocker = /^(dev|proc|sys|\.dockerenv)|^etc\/(hosts|hostname|resolv\.conf|mtab)/;

function byDockerd(root: string, { keyword, sources, destination, chown }: Case): string[] {
  const flag = chown === undefined ? '' : `--chown=${chown} `;
  writeFileSync(
    join(root, 'Dockerfile'),
    `FROM scratch\nCOPY base /\n${keyword} ${flag}${sources.join(' ')} ${destination}\n`,
  );
  const image = docker('build', '-q', root).toString().trim();
  const container = docker('create', image, 'x').toString().trim();
  const tree = bench.directory();
  execFileSync('tar', ['-x', '-C', tree, '--numeric-owner', '-p'], { input: docker('export', container) });
  docker('rm', container);
  const listed = bench.run(tree, `find . -mindepth 1 -printf '%P %y %m %U:%G %l\\n'`).split('\n');
  return listed
    .map((line) => line.trimEnd())
    .filter((line) => line !== '' && !ofDocker.test(line))
    .sort();
}

async function byGantry(root: string, { keyword, sources, destination, chown }: Case): Promise<string[]> {
  const from = (patterns: readonly string[]): CopySource => ({
    kind: 'files',
    tree: { kind: 'directory', root },
    patterns,
  });
  const base = await bench.copy([from(['base'])], '/');
  const owner = chown === undefined ? {} : { chown };
  const unpack = keyword === 'ADD';
  const { upper } = await bench.copy([from(sources)], destination, {
    keyword,
    unpack,
    lower: [base.upper],
    ...owner,
  });
  return await bench.list([upper, base.upper]);
}

test('the same files, with the same modes and owners', { skip }, async () => {
  const root = bench.directory(context);
  for (const one of cases) {
    const { keyword, sources, destination, chown = '' } = one;
    assert.deepEqual(
      await byGantry(root, one),
      byDockerd(root, one),
      `${keyword} ${chown} ${sources.join(' ')} ${destination}`,
    );
  }
});
