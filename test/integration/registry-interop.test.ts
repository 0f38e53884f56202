/** skopeo and podman between Gantry's registry and Debian's docker-registry: every form of image, manifests byte for byte the same. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { GantryRegistry } from '../support/gantry-registry.ts';
import {
  buildBusyboxImage,
  buildImage,
  buildIndex,
  busyboxArchive,
  digestOf,
  type FixtureBlob,
  type FixtureCompression,
  type FixtureImage,
} from '../support/image-fixtures.ts';
import { pushImage, startRegistry, type TestRegistry } from '../support/registry.ts';
import { assertSameImage, getManifest } from '../support/registry-requests.ts';
import { tarOf } from '../support/tar-writer.ts';
import { TransportTools } from '../support/transport-tools.ts';

let ours: GantryRegistry;
let theirs: TestRegistry;
let tools: TransportTools;
before(async () => {
  ours = await GantryRegistry.start();
  theirs = await startRegistry();
  tools = new TransportTools();
});
after(async () => {
  tools.close();
  await ours.close();
  await theirs.stop();
});

function image(
  format: 'oci' | 'docker',
  compression: FixtureCompression,
  architecture = 'amd64',
): FixtureImage {
  const layers = ['one', 'two'].map((name) => tarOf([{ name, data: randomBytes(3000) }]));
  return buildImage({ layers, format, compression, platform: { architecture, os: 'linux' } });
}

/** From Debian's registry to Gantry's, to a directory, back into both, and each hop is the same. */
async function around(repository: string): Promise<void> {
  const reference = 'latest';
  const inOurs = `docker://${ours.host}/${repository}`;
  await tools.copy(`docker://${theirs.host}/${repository}:${reference}`, `${inOurs}:${reference}`);
  const origin = { url: theirs.url, repository, reference };
  await assertSameImage(origin, { url: ours.url, repository, reference });
  const folder = `dir:${tools.path(repository.replaceAll('/', '-'))}`;
  await tools.copy(`${inOurs}:${reference}`, folder);
  await tools.copy(folder, `${inOurs}/again:${reference}`);
  await assertSameImage(origin, { url: ours.url, repository: `${repository}/again`, reference });
  await tools.copy(`${inOurs}:${reference}`, `docker://${theirs.host}/${repository}/back:${reference}`);
  await assertSameImage(origin, { url: theirs.url, repository: `${repository}/back`, reference });
}

for (const format of ['docker', 'oci'] as const) {
  for (const compression of ['gzip', 'zstd', 'none'] as const) {
    // Docker's schema 2 has no zstd.
    if (format === 'docker' && compression === 'zstd') continue;
    test(`skopeo carries ${format} images with ${compression} layers between the registries`, async () => {
      const repository = `plain/${format}-${compression}`;
      await theirs.push(repository, 'latest', image(format, compression));
      await around(repository);
    });
  }
  test(`skopeo carries ${format} indexes with all their platforms`, async () => {
    const images = ['amd64', 'arm64', 's390x'].map((architecture) => image(format, 'gzip', architecture));
    await theirs.pushIndex(`index/${format}`, 'latest', buildIndex(images, format), images);
    await around(`index/${format}`);
  });
}

test('an OCI layout goes in and comes out the same', async () => {
  await theirs.push('layout', 'latest', image('oci', 'zstd'));
  const first = `oci:${tools.path('layout-in')}:x`;
  const second = `oci:${tools.path('layout-out')}:x`;
  await tools.copy(`docker://${theirs.host}/layout:latest`, first);
  await tools.copy(first, `docker://${ours.host}/layout:latest`);
  await tools.copy(`docker://${ours.host}/layout:latest`, second);
  const origin = { url: theirs.url, repository: 'layout', reference: 'latest' };
  await assertSameImage(origin, { ...origin, url: ours.url });
  const index = (name: string): unknown => JSON.parse(readFileSync(tools.path(`${name}/index.json`), 'utf8'));
  assert.deepEqual(index('layout-out'), index('layout-in'));
});

test('a docker archive goes in and comes out with the same layers', async () => {
  writeFileSync(tools.path('in.tar'), busyboxArchive());
  await tools.copy(`docker-archive:${tools.path('in.tar')}`, `docker://${ours.host}/archive:latest`, []);
  await tools.copy(
    `docker://${ours.host}/archive:latest`,
    `docker-archive:${tools.path('out.tar')}:archive:latest`,
    [],
  );
  const config = async (name: string): Promise<unknown> =>
    JSON.parse(await tools.skopeo(['inspect', '--config', '--raw', `docker-archive:${tools.path(name)}`]));
  assert.deepEqual(await config('out.tar'), await config('in.tar'));
});

test('skopeo lists, inspects and deletes', async () => {
  const pushed = image('oci', 'gzip');
  await pushImage(ours.url, 'listed', 'one', pushed);
  await pushImage(ours.url, 'listed', 'two', image('docker', 'gzip'));
  const name = `docker://${ours.host}/listed`;
  const listed: { Tags: string[] } = JSON.parse(
    await tools.skopeo(['list-tags', '--tls-verify=false', name]),
  );
  assert.deepEqual(listed.Tags, ['one', 'two']);
  const inspected: { Digest: string; Layers: string[] } = JSON.parse(
    await tools.skopeo(['inspect', '--tls-verify=false', `${name}:one`]),
  );
  assert.equal(inspected.Digest, pushed.manifest.digest);
  assert.deepEqual(
    inspected.Layers,
    pushed.layers.map(({ digest }) => digest),
  );
  await tools.skopeo(['delete', '--tls-verify=false', `${name}:one`]);
  const left: { Tags: string[] } = JSON.parse(await tools.skopeo(['list-tags', '--tls-verify=false', name]));
  assert.deepEqual(left.Tags, ['two']);
});

/** An artifact that refers to `subject` (OCI image-spec, "Guidelines for Artifact Usage"). */
function artifact(subject: FixtureBlob): FixtureImage {
  const describe = ({ mediaType, digest, data }: FixtureBlob): object => ({
    mediaType,
    digest,
    size: data.length,
  });
  const blob = (mediaType: string, data: Buffer): FixtureBlob => ({
    mediaType,
    data,
    digest: digestOf(data),
  });
  const config = blob('application/vnd.oci.empty.v1+json', Buffer.from('{}'));
  const layer = blob('application/spdx+json', Buffer.from('{"spdxVersion":"SPDX-2.3"}'));
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = {
    schemaVersion: 2,
    mediaType,
    artifactType: 'application/spdx+json',
    config: describe(config),
    layers: [describe(layer)],
    subject: describe(subject),
    annotations: { 'org.example.kind': 'sbom' },
  };
  const layers = [{ ...layer, diffId: '', tar: layer.data }];
  const platform = { architecture: 'amd64', os: 'linux' };
  return { config, layers, manifest: blob(mediaType, Buffer.from(JSON.stringify(manifest))), platform };
}

test('artifacts keep their bytes and are found by what they refer to', async () => {
  const subject = image('oci', 'gzip');
  const sbom = artifact(subject.manifest);
  await pushImage(theirs.url, 'signed', 'latest', subject);
  await pushImage(theirs.url, 'signed', 'sbom', sbom);
  for (const tag of ['latest', 'sbom']) {
    const name = `signed:${tag}`;
    await tools.copy(`docker://${theirs.host}/${name}`, `docker://${ours.host}/${name}`);
    const origin = { url: theirs.url, repository: 'signed', reference: tag };
    await assertSameImage(origin, { ...origin, url: ours.url });
  }
  const answer = await fetch(`${ours.url}/v2/signed/referrers/${subject.manifest.digest}`);
  const { manifests }: { manifests: unknown } = JSON.parse(await answer.text());
  assert.deepEqual(manifests, [
    {
      mediaType: sbom.manifest.mediaType,
      digest: sbom.manifest.digest,
      size: sbom.manifest.data.length,
      artifactType: 'application/spdx+json',
      annotations: { 'org.example.kind': 'sbom' },
    },
  ]);
});

test('podman pulls from one registry and pushes to the other, in both formats', async () => {
  const plain = '--tls-verify=false';
  const busybox = buildBusyboxImage();
  await theirs.push('podman/in', 'latest', busybox);
  await pushImage(ours.url, 'podman/in', 'latest', busybox);
  for (const { from, to } of [
    { from: theirs, to: ours },
    { from: ours, to: theirs },
  ]) {
    const name = `${from.host}/podman/in:latest`;
    await tools.podman(['pull', '--quiet', plain, tools.policyFlag, name]);
    const seen = await tools.podman(['image', 'inspect', '--format', '{{.Digest}} {{.Id}}', name]);
    assert.equal(seen, `${busybox.manifest.digest} ${busybox.config.digest.slice(7)}`);
    for (const [format, mediaType] of [
      ['oci', 'application/vnd.oci.image.manifest.v1+json'],
      ['v2s2', 'application/vnd.docker.distribution.manifest.v2+json'],
    ] as const) {
      const digestFile = tools.path(`digest-${format}`);
      const target = `${to.host}/podman/${format}:latest`;
      const flags = [plain, tools.policyFlag, '--format', format, '--digestfile', digestFile];
      await tools.podman(['push', '--quiet', ...flags, name, target]);
      const manifest = await getManifest(to.url, `podman/${format}`, 'latest');
      assert.equal(manifest.digest, readFileSync(digestFile, 'utf8').trim());
      assert.equal(manifest.mediaType, mediaType);
    }
    await tools.podman(['rmi', '--force', '--all']);
  }
});
