/** The media types of manifests, configs and layers, OCI's and Docker's, and what each means. */

export const mediaTypes = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerManifestList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerSchema1: 'application/vnd.docker.distribution.manifest.v1+json',
  dockerSchema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
} as const;

/** What a registry is asked for: a manifest or an index of either family. */
export const acceptedManifestTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerManifestList,
  mediaTypes.dockerManifest,
];

export type ManifestKind = 'manifest' | 'index' | 'schema1' | 'unknown';

/** Which kind of document a media type (parameters allowed) announces. */
export function manifestKind(mediaType: string): ManifestKind {
  const bare = mediaType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (bare === mediaTypes.ociManifest || bare === mediaTypes.dockerManifest) return 'manifest';
  if (bare === mediaTypes.ociIndex || bare === mediaTypes.dockerManifestList) return 'index';
  if (bare === mediaTypes.dockerSchema1 || bare === mediaTypes.dockerSchema1Signed) return 'schema1';
  return 'unknown';
}

/** Is it a layer that a Linux root file system is made of? Foreign (Windows) layers and artifacts are not. */
export function isLayerType(mediaType: string): boolean {
  return /^application\/vnd\.(oci\.image\.layer\.(nondistributable\.)?v1\.tar|docker\.image\.rootfs\.diff\.tar)([.+](gzip|zstd))?$/.test(
    mediaType,
  );
}
