/** Outputs of builds, as others read them: skopeo, tar, a registry. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, test } from 'node:test';
import type { BuildOutput } from '../../src/build/build-types.ts';
import { TestBuilder } from '../support/build.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let builder: TestBuilder;
let registry: TestRegistry;
const directory = mkdtempSync(join(tmpdir(), 'gantry-outputs-'));

before(async () => {
  builder = await TestBuilder.start();
  registry = await startRegistry();
});
after(async () => {
  await builder.close();
  await registry.stop();
  rmSync(directory, { recursive: true, force: true });
});

const dockerfile = `
FROM busybox
WORKDIR /app
RUN echo one > gone && echo two > kept && ln kept second && chown 12:34 kept && ln -s kept third
RUN rm gone && mkdir -p deep/er && echo three > deep/er/file
LABEL is=tested
`;

let counter = 0;

function fileOutput(
  kind: 'tar' | 'docker' | 'oci',
  change: Partial<Extract<BuildOutput, { kind: 'tar' | 'docker' | 'oci' }>> = {},
): { path: string; output: BuildOutput } {
  counter += 1;
  const path = join(directory, `${kind}-${counter}.tar`);
  return { path, output: { kind, names: [], open: async () => createWriteStream(path), ...change } };
}

function skopeo(...args: string[]): string {
  return execFileSync('skopeo', args, { encoding: 'utf8' });
}

function inspected(image: string, ...more: string[]): { Labels: object } {
  return JSON.parse(skopeo('inspect', ...more, image));
}

function layerTypes(image: string): string[] {
  const { layers }: PushedManifest = JSON.parse(skopeo('inspect', '--raw', image));
  return layers.map(({ mediaType }) => mediaType);
}

function pushOutput(
  name: string,
  change: Partial<Extract<BuildOutput, { kind: 'image' }>> = {},
): BuildOutput {
  return { kind: 'image', names: [name], push: true, isInsecure: false, annotations: {}, ...change };
}

interface PushedManifest {
  mediaType: string;
  layers: Array<{ mediaType: string; digest: string }>;
  annotations?: Record<string, string>;
}

async function manifestAt(
  repository: string,
  tag: string,
): Promise<{ digest: string; document: PushedManifest }> {
  const accept = [
    'application/vnd.oci.image.manifest.v1+json',
    'application/vnd.docker.distribution.manifest.v2+json',
  ].join(', ');
  const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, { headers: { accept } });
  assert.equal(answer.status, 200);
  return {
    digest: answer.headers.get('docker-content-digest') ?? '',
    document: (await answer.json()) as PushedManifest,
  };
}

test('a tar has the merged file system: whiteouts applied, hard links and owners kept', async () => {
  const { path, output } = fileOutput('tar');
  await builder.build(dockerfile, { outputs: [output] });
  const listed = execFileSync('tar', ['--numeric-owner', '-tvf', path], { encoding: 'utf8' });
  assert.match(listed, /12\/34 .* app\/kept\n/);
  assert.match(listed, /app\/second link to app\/kept\n/);
  assert.match(listed, /app\/third -> kept\n/);
  assert.match(listed, /app\/deep\/er\/file\n/);
  assert.doesNotMatch(listed, /gone|\.wh\./);
});

test('local gives the caller a directory of the same, which is gone afterwards', async () => {
  let seen = '';
  const output: BuildOutput = {
    kind: 'local',
    copy: async (root) => {
      seen = root;
      assert.equal(readFileSync(join(root, 'app/deep/er/file'), 'utf8'), 'three\n');
      assert.throws(() => lstatSync(join(root, 'app/gone')), { code: 'ENOENT' });
      const kept = statSync(join(root, 'app/kept'));
      assert.deepEqual([kept.uid, kept.gid, kept.nlink], [12, 34, 2]);
      assert.equal(lstatSync(join(root, 'app/third')).isSymbolicLink(), true);
    },
  };
  await builder.build(dockerfile, { outputs: [output] });
  assert.throws(() => statSync(seen), { code: 'ENOENT' });
});

test('with SOURCE_DATE_EPOCH, local has no file of the build that is younger', async () => {
  const output: BuildOutput = {
    kind: 'local',
    copy: async (root) => {
      for (const path of ['app', 'app/deep/er/file', 'app/third'])
        assert.equal(lstatSync(join(root, path)).mtimeMs, 1_700_000_000_000, path);
      const kept = statSync(join(root, 'app/kept'));
      assert.deepEqual([kept.uid, kept.gid, kept.nlink], [12, 34, 2]);
    },
  };
  await builder.build(dockerfile, { outputs: [output], sourceDateEpoch: 1_700_000_000 });
});

test('OCI and Docker archives are read by skopeo, and loaded', async () => {
  const oci = fileOutput('oci', { names: ['one:1'] });
  const docker = fileOutput('docker', { names: ['from-archive:2'] });
  await builder.build(dockerfile, { outputs: [oci.output, docker.output] });
  assert.deepEqual(inspected(`oci-archive:${oci.path}:1`).Labels, { is: 'tested' });
  assert.deepEqual(inspected(`docker-archive:${docker.path}`).Labels, { is: 'tested' });
  const types = layerTypes(`oci-archive:${oci.path}:1`);
  assert.ok(
    types.every((type) => type.endsWith('gzip')),
    types.join(),
  );
  await builder.test.engine.images.load(createReadStream(docker.path), () => undefined);
  assert.equal(await builder.run(['cat', '/app/kept'], 'from-archive:2'), 'two\n');
});

test('compression is as it is asked for', async () => {
  const zstd = fileOutput('oci', { attributes: { compression: 'zstd', 'force-compression': 'true' } });
  const plain = fileOutput('oci', { attributes: { compression: 'uncompressed', 'force-compression': '' } });
  const levels = fileOutput('oci', {
    attributes: { compression: 'gzip', 'compression-level': '9', 'force-compression': '1' },
  });
  await builder.build(dockerfile, { outputs: [zstd.output, plain.output, levels.output] });
  for (const [{ path }, type] of [
    [zstd, /zstd$/],
    [plain, /v1\.tar$/],
    [levels, /gzip$/],
  ] as const) {
    const types = layerTypes(`oci-archive:${path}`);
    assert.ok(
      types.every((one) => type.test(one)),
      types.join(),
    );
    // Copying verifies all digests, those of the plain tars too.
    const target = join(directory, `copied-${counter++}`);
    skopeo('copy', `oci-archive:${path}`, `dir:${target}`);
  }
  await assert.rejects(
    builder.build(dockerfile, {
      outputs: [fileOutput('oci', { attributes: { compression: 'brotli' } }).output],
    }),
    /unsupported layer compression type: brotli/,
  );
});

test('what is pushed can be pulled, has a digest of the repository, and is pushed as it was the next time', async () => {
  const name = `${registry.host}/outputs/app:1`;
  const { result } = await builder.build(dockerfile, { outputs: [pushOutput(name)] });
  const { digest } = await manifestAt('outputs/app', '1');
  assert.equal(result.manifestDigest, digest);
  assert.equal(result.metadata['containerimage.digest'], digest);
  assert.equal(result.metadata['image.name'], name);
  assert.deepEqual(builder.image(name).repoDigests, [`${registry.host}/outputs/app@${digest}`]);
  assert.deepEqual(inspected(`docker://${name}`, '--tls-verify=false').Labels, { is: 'tested' });
  await builder.test.engine.images.push({ reference: name, allTags: false, progress: () => undefined });
  assert.equal((await manifestAt('outputs/app', '1')).digest, digest);
});

test('annotations are in the manifest, which is OCI then', async () => {
  const name = `${registry.host}/outputs/said:1`;
  const annotations = { 'org.example.said': 'hello', 'index:org.example.other': 'not here' };
  await builder.build(dockerfile, { outputs: [pushOutput(name, { annotations })] });
  const { document } = await manifestAt('outputs/said', '1');
  assert.deepEqual(document.annotations, { 'org.example.said': 'hello' });
  assert.equal(document.mediaType, 'application/vnd.oci.image.manifest.v1+json');
});

test('a push without a name is refused', async () => {
  await assert.rejects(
    builder.build(dockerfile, { outputs: [pushOutput('x', { names: [] })] }),
    /tag is needed when pushing to registry/,
  );
});

test('with SOURCE_DATE_EPOCH the same input gives the same image and archive, whenever it is built', async () => {
  const own = `${dockerfile}RUN touch now\n`;
  const digests: string[] = [];
  for (const round of [1, 2]) {
    const { path, output } = fileOutput('tar');
    const image: BuildOutput = {
      kind: 'image',
      names: ['timed'],
      push: false,
      isInsecure: false,
      annotations: {},
    };
    const { result } = await builder.build(own, {
      outputs: [image, output],
      sourceDateEpoch: 1_700_000_000,
      noCache: true,
    });
    assert.equal(result.imageId, builder.image('timed').id);
    const sum = execFileSync('sha256sum', [path], { encoding: 'utf8' }).split(' ')[0];
    digests.push(`${result.imageId} ${sum}`);
    if (round === 1) await new Promise((resolve) => setTimeout(resolve, 1100));
  }
  assert.equal(digests[0], digests[1]);
  assert.equal(await builder.run(['stat', '-c', '%Y', '/app/now'], 'timed'), '1700000000\n');
  const { result } = await builder.build(own, {
    outputs: [
      {
        kind: 'image',
        names: ['untimed'],
        push: false,
        isInsecure: false,
        annotations: {},
        attributes: { 'rewrite-timestamp': 'false' },
      },
    ],
    sourceDateEpoch: 1_700_000_000,
  });
  assert.notEqual(result.imageId, builder.image('timed').id);
});

test('several platforms: an index in archives and registries, one directory each in tars', async () => {
  const files = 'FROM scratch\nCOPY Dockerfile /here\n';
  const platforms = ['linux/amd64', 'linux/arm64'];
  const oci = fileOutput('oci', { names: ['multi:1'] });
  const tar = fileOutput('tar');
  const name = `${registry.host}/outputs/multi:1`;
  await builder.build(files, { platforms, outputs: [oci.output, tar.output, pushOutput(name)] });
  assert.deepEqual(
    execFileSync('tar', ['-tf', tar.path], { encoding: 'utf8' }).trim().split('\n').toSorted(),
    ['linux_amd64/here', 'linux_arm64/here'],
  );
  const copy = async (root: string): Promise<void> => {
    for (const name of ['linux_amd64', 'linux_arm64'])
      assert.equal(readFileSync(join(root, name, 'here'), 'utf8'), files);
  };
  await builder.build(files, { platforms, outputs: [{ kind: 'local', copy }] });
  for (const architecture of ['amd64', 'arm64']) {
    const image = skopeo(
      'inspect',
      '--tls-verify=false',
      `--override-arch=${architecture}`,
      '--config',
      `docker://${name}`,
    );
    assert.equal(JSON.parse(image).architecture, architecture);
  }
  const index = JSON.parse(execFileSync('tar', ['-xOf', oci.path, 'index.json'], { encoding: 'utf8' }));
  assert.match(index.manifests[0].mediaType, /index|list/);
  await assert.rejects(
    builder.build(files, { platforms, outputs: [fileOutput('docker').output] }),
    /does not support exporting manifest lists/,
  );
});

/** Blobs, and what is on its way to be one or to a client. */
function kept(): string[] {
  const data = builder.test.config.dataRoot;
  const folders = ['images/blobs/sha256', 'images/ingest', 'build/exports', 'build/files/trees'];
  return folders
    .map((path) => join(data, path))
    .filter((path) => existsSync(path))
    .flatMap((path) => readdirSync(path));
}

test('what was made for an output alone is gone after it', async () => {
  await builder.build(dockerfile, { outputs: [{ kind: 'none' }] });
  const before = kept();
  const attributes = { compression: 'zstd', 'force-compression': 'true' };
  await builder.build(dockerfile, { outputs: [fileOutput('oci', { attributes }).output] });
  assert.deepEqual(kept(), before);
});

test('a build that is cancelled while it is written ends at once, and leaves nothing', async () => {
  await builder.build(dockerfile, { outputs: [{ kind: 'none' }] });
  const before = kept();
  for (const kind of ['tar', 'oci', 'docker'] as const) {
    const controller = new AbortController();
    // Nobody reads it.
    const stuck = new PassThrough({ highWaterMark: 1 });
    const open = async (): Promise<PassThrough> => {
      setTimeout(() => controller.abort(), 50);
      return stuck;
    };
    const attributes = { compression: 'zstd', 'force-compression': 'true' };
    await assert.rejects(
      builder.build(dockerfile, { outputs: [{ kind, names: [], open, attributes }] }, controller.signal),
      { code: 'cancelled' },
    );
    assert.equal(stuck.destroyed, true);
  }
  const controller = new AbortController();
  const copy = async (root: string, signal: AbortSignal): Promise<void> => {
    assert.equal(statSync(root).isDirectory(), true);
    controller.abort();
    signal.throwIfAborted();
  };
  await assert.rejects(builder.build(dockerfile, { outputs: [{ kind: 'local', copy }] }, controller.signal), {
    code: 'cancelled',
  });
  assert.deepEqual(kept(), before);
});

test('a failed push ends the build with the registry’s words', async () => {
  await assert.rejects(builder.build(dockerfile, { outputs: [pushOutput('127.0.0.1:1/nobody/there:1')] }), {
    code: 'unavailable',
  });
});
