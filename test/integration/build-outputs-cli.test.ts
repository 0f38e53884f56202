/** `gantry build` with outputs and caches in the client's directories, against a daemon. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
let context: string;

before(async () => {
  daemon = await TestDaemon.start();
  context = join(daemon.root, 'context');
  mkdirSync(context);
  writeFileSync(join(context, 'Dockerfile'), 'FROM busybox\nCOPY said /said\nRUN cat /said > /copied\n');
  writeFileSync(join(context, 'said'), 'hello\n');
});
after(() => daemon.close());

async function build(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.gantry(['build', '--progress', 'plain', ...args, context]);
  assert.equal(code, 0, stderr + stdout);
  return stderr + stdout;
}

test('a directory, a tar and an OCI layout come to the client', async () => {
  const tar = join(daemon.root, 'out.tar');
  const oci = join(daemon.root, 'out.oci');
  const directory = join(daemon.root, 'out');
  await build('--output', `type=tar,dest=${tar}`);
  await build(
    '--output',
    `type=oci,dest=${oci},compression=zstd,force-compression=true`,
    '--annotation',
    'a.b=c',
  );
  await build('--output', directory);
  assert.match(execFileSync('tar', ['-tf', tar], { encoding: 'utf8' }), /^copied$/m);
  assert.equal(readFileSync(join(directory, 'copied'), 'utf8'), 'hello\n');
  const manifest = JSON.parse(
    execFileSync('skopeo', ['inspect', '--raw', `oci-archive:${oci}`], { encoding: 'utf8' }),
  );
  assert.deepEqual(manifest.annotations, { 'a.b': 'c' });
  for (const { mediaType } of manifest.layers) assert.match(mediaType, /zstd$/);
});

test('a cache in a directory outlives the daemon’s own', async () => {
  const cache = join(daemon.root, 'cache');
  await build('--cache-to', `type=local,dest=${cache},mode=max`);
  const index = JSON.parse(readFileSync(join(cache, 'index.json'), 'utf8'));
  assert.equal(index.manifests.length, 1);
  // Another tag stands beside the first.
  await build('--cache-to', `type=local,dest=${cache},tag=other`);
  const tags = JSON.parse(readFileSync(join(cache, 'index.json'), 'utf8')).manifests.map(
    ({ annotations }: { annotations: object }) => Object.values(annotations)[0],
  );
  assert.deepEqual(tags, ['latest', 'other']);
  const pruned = await daemon.gantry(['builder', 'prune', '--all', '--force']);
  assert.equal(pruned.code, 0, pruned.stderr);
  const shown = await build('--cache-from', `type=local,src=${cache}`);
  assert.match(shown, /COPY said \/said\n#\d+ CACHED/);
  assert.match(shown, /RUN cat \/said > \/copied\n#\d+ CACHED/);
});
