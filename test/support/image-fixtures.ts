/** Images made from what the machine has (busybox-static), as Docker archives, OCI layouts and blobs for a registry. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type TarEntry, tarOf } from './tar-writer.ts';

export type FixtureCompression = 'gzip' | 'zstd' | 'none';

export interface FixtureBlob {
  digest: string;
  mediaType: string;
  data: Buffer;
}

export interface FixtureLayer extends FixtureBlob {
  diffId: string;
  tar: Buffer;
}

export interface FixtureImage {
  config: FixtureBlob;
  layers: FixtureLayer[];
  manifest: FixtureBlob;
  platform: { architecture: string; os: string; variant?: string };
}

export interface FixtureOptions {
  /** Uncompressed tars, base layer first. */
  layers: readonly Buffer[];
  /** The image config's `config`. */
  config?: Record<string, unknown>;
  compression?: FixtureCompression;
  /** `docker`: schema 2 media types; `oci` (default). */
  format?: 'oci' | 'docker';
  platform?: FixtureImage['platform'];
  created?: string;
  history?: Array<Record<string, unknown>>;
}

const layerTypes = {
  oci: {
    gzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
    zstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
    none: 'application/vnd.oci.image.layer.v1.tar',
  },
  docker: {
    gzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
    zstd: 'application/vnd.docker.image.rootfs.diff.tar.zstd',
    none: 'application/vnd.docker.image.rootfs.diff.tar',
  },
} as const;

const configTypes = {
  oci: 'application/vnd.oci.image.config.v1+json',
  docker: 'application/vnd.docker.container.image.v1+json',
} as const;

const manifestTypes = {
  oci: 'application/vnd.oci.image.manifest.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.v2+json',
} as const;

const indexTypes = {
  oci: 'application/vnd.oci.image.index.v1+json',
  docker: 'application/vnd.docker.distribution.manifest.list.v2+json',
} as const;

export function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

/** This machine's platform in OCI's words. */
export function hostPlatform(): FixtureImage['platform'] {
  return process.arch === 'arm64'
    ? { architecture: 'arm64', os: 'linux', variant: 'v8' }
    : { architecture: 'amd64', os: 'linux' };
}

function blob(mediaType: string, data: Buffer): FixtureBlob {
  return { digest: digestOf(data), mediaType, data };
}

function compress(tar: Buffer, compression: FixtureCompression): Buffer {
  if (compression === 'gzip') return gzipSync(tar, { level: 1 });
  if (compression === 'zstd') return zstdCompressSync(tar);
  return tar;
}

function descriptor({ digest, mediaType, data }: FixtureBlob): Record<string, unknown> {
  return { mediaType, digest, size: data.length };
}

/** An image of the given layers: config, compressed layers and manifest. */
export function buildImage(options: FixtureOptions): FixtureImage {
  const { compression = 'gzip', format = 'oci', platform = hostPlatform() } = options;
  const layers = options.layers.map(
    (tar): FixtureLayer => ({
      ...blob(layerTypes[format][compression], compress(tar, compression)),
      diffId: digestOf(tar),
      tar,
    }),
  );
  const config = blob(
    configTypes[format],
    Buffer.from(
      JSON.stringify({
        created: options.created ?? '2024-01-02T03:04:05Z',
        ...platform,
        config: options.config ?? {},
        rootfs: { type: 'layers', diff_ids: layers.map((layer) => layer.diffId) },
        history:
          options.history ??
          layers.map((_, index) => ({ created: '2024-01-02T03:04:05Z', created_by: `layer ${index}` })),
      }),
    ),
  );
  const manifest = blob(
    manifestTypes[format],
    Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: manifestTypes[format],
        config: descriptor(config),
        layers: layers.map(descriptor),
      }),
    ),
  );
  return { config, layers, manifest, platform };
}

/** An index over images of several platforms (with `format: 'docker'`, a manifest list). */
export function buildIndex(images: readonly FixtureImage[], format: 'oci' | 'docker' = 'oci'): FixtureBlob {
  const manifests = images.map((image) => ({ ...descriptor(image.manifest), platform: image.platform }));
  const index = { schemaVersion: 2, mediaType: indexTypes[format], manifests };
  return blob(indexTypes[format], Buffer.from(JSON.stringify(index)));
}

const busyboxPaths = ['/bin/busybox', '/usr/bin/busybox'];

function busyboxProgram(): { path: string; data: Buffer } {
  for (const path of busyboxPaths) {
    try {
      return { path, data: readFileSync(path) };
    } catch {
      // The next place.
    }
  }
  throw new Error('busybox is missing: apt-get install busybox-static');
}

let busyboxTar: Buffer | undefined;

/** The root file system of the busybox image as a tar: /bin with every applet, /etc/passwd and /etc/group, /tmp, /root, /home. */
export function busyboxRootTar(): Buffer {
  if (busyboxTar !== undefined) return busyboxTar;
  const { path, data } = busyboxProgram();
  const applets = spawnSync(path, ['--list']).stdout.toString().split('\n');
  const directories = ['bin', 'etc', 'home', 'root', 'tmp', 'usr', 'usr/bin', 'var', 'var/www', 'var/spool'];
  const entries: TarEntry[] = [
    ...directories.map(
      (name): TarEntry => ({
        name: `${name}/`,
        type: 'directory',
        mode: name === 'tmp' ? 0o1777 : 0o755,
      }),
    ),
    { name: 'bin/busybox', data, mode: 0o755 },
    ...applets
      .filter((applet) => applet !== '' && applet !== 'busybox')
      .map((applet): TarEntry => ({ name: `bin/${applet}`, type: 'symlink', link: 'busybox' })),
    {
      name: 'etc/passwd',
      data:
        'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\n' +
        'www-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
    },
    {
      name: 'etc/group',
      data: 'root:x:0:\ndaemon:x:1:\nwheel:x:10:root,nobody\nwww-data:x:33:\nnobody:x:65534:\n',
    },
  ];
  busyboxTar = tarOf(entries);
  return busyboxTar;
}

/** The busybox image: `sh` as its command, PATH set. `extraLayers` are uncompressed tars put on top. */
export function buildBusyboxImage(
  options: Omit<FixtureOptions, 'layers'> & { extraLayers?: readonly Buffer[] } = {},
): FixtureImage {
  return buildImage({
    config: { Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'], Cmd: ['sh'] },
    ...options,
    layers: [busyboxRootTar(), ...(options.extraLayers ?? [])],
  });
}

/** A Docker archive (`docker save`, image spec v1.2) that `docker load` takes: manifest.json, configs, layer tars. */
export function dockerArchive(
  images: ReadonlyArray<{ image: FixtureImage; tags: readonly string[] }>,
): Buffer {
  const entries = new Map<string, TarEntry>();
  const manifest = images.map(({ image, tags }) => {
    const config = `${image.config.digest.slice(7)}.json`;
    entries.set(config, { name: config, data: image.config.data });
    const layers = image.layers.map((layer) => `${layer.diffId.slice(7)}/layer.tar`);
    image.layers.forEach((layer, index) => {
      const name = layers[index] ?? '';
      entries.set(name, { name, data: layer.tar });
    });
    return { Config: config, RepoTags: tags, Layers: layers };
  });
  return tarOf([...entries.values(), { name: 'manifest.json', data: JSON.stringify(manifest) }]);
}

/** An OCI image layout as a tar: oci-layout, index.json (each image annotated with its name), blobs. */
export function ociArchive(images: ReadonlyArray<{ image: FixtureImage; name?: string }>): Buffer {
  const blobs = new Map<string, FixtureBlob>();
  const manifests = images.map(({ image, name }) => {
    for (const item of [image.config, ...image.layers, image.manifest]) blobs.set(item.digest, item);
    const annotations =
      name === undefined
        ? {}
        : {
            annotations: {
              'io.containerd.image.name': name,
              'org.opencontainers.image.ref.name': name.split(':').at(-1),
            },
          };
    return { ...descriptor(image.manifest), platform: image.platform, ...annotations };
  });
  return tarOf([
    { name: 'oci-layout', data: '{"imageLayoutVersion":"1.0.0"}' },
    { name: 'blobs/', type: 'directory' },
    { name: 'blobs/sha256/', type: 'directory' },
    ...[...blobs.values()].map(
      (item): TarEntry => ({ name: `blobs/sha256/${item.digest.slice(7)}`, data: item.data }),
    ),
    { name: 'index.json', data: JSON.stringify({ schemaVersion: 2, manifests }) },
  ]);
}

/** The busybox image as a Docker archive, ready for `POST /images/load`. */
export function busyboxArchive(tag = 'busybox:latest'): Buffer {
  return dockerArchive([{ image: buildBusyboxImage(), tags: [tag] }]);
}
