/** The stock docker CLI with Gantry's engine between Gantry's registry and Debian's docker-registry: manifests byte for byte the same. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';
import { GantryRegistry } from '../support/gantry-registry.ts';
import {
  buildImage,
  buildIndex,
  type FixtureCompression,
  type FixtureImage,
  hostPlatform,
} from '../support/image-fixtures.ts';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';
import { assertSameImage, getManifest } from '../support/registry-requests.ts';
import { tarOf } from '../support/tar-writer.ts';
import { TransportTools } from '../support/transport-tools.ts';

let ours: GantryRegistry;
let theirs: TestRegistry;
let daemon: TestDaemon;
let tools: TransportTools;
before(async () => {
  ours = await GantryRegistry.start();
  theirs = await startRegistry();
  daemon = await TestDaemon.start();
  tools = new TransportTools();
});
after(async () => {
  tools.close();
  await daemon.close();
  await ours.close();
  await theirs.stop();
});

function image(format: 'oci' | 'docker', compression: FixtureCompression): FixtureImage {
  const layers = ['one', 'two'].map((name) => tarOf([{ name, data: randomBytes(3000) }]));
  return buildImage({ layers, format, compression });
}

/** Pulls from one registry, pushes to the other, forgets the image, and pulls it from there. */
async function carry(
  from: { host: string; url: string },
  to: { host: string; url: string },
  repository: string,
  pushed: FixtureImage,
): Promise<void> {
  const [source, target] = [from, to].map(({ host }) => `${host}/${repository}:latest`);
  assert.ok(source !== undefined && target !== undefined);
  assert.match(await daemon.ok(['pull', source]), /^Digest: sha256:\w{64}$/m);
  await daemon.ok(['tag', source, target]);
  const said = await daemon.ok(['push', target]);
  const { digest, data } = pushed.manifest;
  assert.match(said, new RegExp(`^latest: digest: ${digest} size: ${data.length}$`, 'm'));
  await assertSameImage(
    { url: from.url, repository, reference: digest },
    { url: to.url, repository, reference: 'latest' },
  );
  await daemon.ok(['rmi', source, target]);
  await daemon.ok(['pull', '--quiet', `${to.host}/${repository}@${digest}`]);
  await daemon.ok(['rmi', pushed.config.digest]);
}

const kinds: Array<['oci' | 'docker', FixtureCompression]> = [
  ['docker', 'gzip'],
  ['docker', 'none'],
  ['oci', 'gzip'],
  ['oci', 'zstd'],
  ['oci', 'none'],
];
for (const [format, compression] of kinds) {
  test(`${format} images with ${compression} layers, both ways`, async () => {
    const pushed = image(format, compression);
    const repository = `docker/${format}-${compression}`;
    await theirs.push(repository, 'latest', pushed);
    await carry(theirs, ours, repository, pushed);
    const other = image(format, compression);
    await pushImage(ours.url, `${repository}-back`, 'latest', other);
    await carry(ours, theirs, `${repository}-back`, other);
  });
}

for (const format of ['oci', 'docker'] as const) {
  test(`from an index of ${format} images, that of this host goes on`, async () => {
    const own = image(format, 'gzip');
    const foreign = buildImage({
      layers: [tarOf([{ name: 'foreign' }])],
      format,
      platform: { architecture: 's390x', os: 'linux' },
    });
    const repository = `docker/index-${format}`;
    await theirs.pushIndex(repository, 'latest', buildIndex([foreign, own], format), [foreign, own]);
    await tools.copy(`docker://${theirs.host}/${repository}`, `docker://${ours.host}/${repository}`);
    await daemon.ok(['pull', `${ours.host}/${repository}`]);
    await daemon.ok(['tag', `${ours.host}/${repository}`, `${theirs.host}/${repository}:own`]);
    await daemon.ok(['push', `${theirs.host}/${repository}:own`]);
    const { digest } = await getManifest(theirs.url, repository, 'own');
    assert.equal(digest, own.manifest.digest);
    assert.equal(own.platform.architecture, hostPlatform().architecture);
  });
}

test('an image that was loaded and committed here is one for skopeo and podman', async () => {
  await daemon.ok(['run', '--name', 'changed', 'busybox', 'sh', '-c', 'echo new > /new']);
  for (const { host, url } of [ours, theirs]) {
    const name = `${host}/docker/made:latest`;
    await daemon.ok(['commit', 'changed', name]);
    const said = await daemon.ok(['push', name]);
    const { digest, text } = await getManifest(url, 'docker/made', 'latest');
    assert.match(said, new RegExp(`^latest: digest: ${digest} size: ${text.length}$`, 'm'));
    await tools.copy(`docker://${name}`, `dir:${tools.path('made')}`);
    await tools.podman(['pull', '--quiet', '--tls-verify=false', tools.policyFlag, name]);
    const id = await tools.podman(['image', 'inspect', '--format', '{{.Id}}', name]);
    assert.equal(`sha256:${id}`, await daemon.ok(['image', 'inspect', '--format', '{{.Id}}', name]));
    await tools.podman(['rmi', '--force', '--all']);
  }
  await daemon.ok(['rm', 'changed']);
});

test('a layer that is in another repository of the registry is mounted', async () => {
  for (const { host, url } of [ours, theirs]) {
    const base = image('oci', 'gzip');
    await pushImage(url, 'docker/base', 'latest', base);
    await daemon.ok(['pull', '--quiet', `${host}/docker/base`]);
    await daemon.ok(['tag', `${host}/docker/base`, `${host}/docker/copy`]);
    const said = await daemon.ok(['push', `${host}/docker/copy`]);
    assert.equal(said.match(/Mounted from docker\/base/g)?.length, 2, said);
    await assertSameImage(
      { url, repository: 'docker/base', reference: 'latest' },
      { url, repository: 'docker/copy', reference: 'latest' },
    );
    assert.match(await daemon.ok(['push', `${host}/docker/copy`]), /Layer already exists/);
  }
});
