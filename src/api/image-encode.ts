/** Images as Docker shows them to clients of each version. */
import type { Image, ImageHistoryEntry, RemovedImage } from '../images/image-types.ts';
import type { ImageProcess } from '../oci/image-config.ts';
import { compareApiVersions } from '../wire/api-version.ts';
import type { ContainerConfig } from '../wire/container-config.ts';
import type {
  ImageDeleteRow,
  ImageHistoryRow,
  ImageInspect,
  ImageProcessConfig,
  ImageSummary,
} from '../wire/image.ts';
import { never, rfc3339 } from './timestamps.ts';

/** One row of `images`. A size or number that was not asked for is -1. */
export function encodeImageSummary(
  row: { image: Image; sharedSize: number; containers: number },
  version: string,
): ImageSummary {
  const { image } = row;
  return {
    Id: image.id,
    ParentId: image.parentId ?? '',
    ...namesFor(image, version),
    Created: createdSeconds(image.config.created),
    Size: image.size,
    SharedSize: row.sharedSize,
    ...(compareApiVersions(version, '1.44') < 0 ? { VirtualSize: image.size } : {}),
    Labels: image.config.config?.Labels ?? null,
    Containers: row.containers,
  };
}

/** Up to 1.42 an image without a name had one that says so. */
function namesFor(
  { repoTags, repoDigests }: Image,
  version: string,
): Pick<ImageSummary, 'RepoTags' | 'RepoDigests'> {
  const isOld = compareApiVersions(version, '1.43') < 0 && repoTags.length === 0 && repoDigests.length === 0;
  return isOld
    ? { RepoTags: ['<none>:<none>'], RepoDigests: ['<none>@<none>'] }
    : { RepoTags: repoTags, RepoDigests: repoDigests };
}

/** `trees` are the directories of its layers, top layer first. */
export function encodeImageInspect(image: Image, trees: readonly string[], version: string): ImageInspect {
  const { config } = image;
  const process = encodeProcess(config.config ?? {}, version);
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Parent: image.parentId ?? '',
    Comment: config.history?.at(-1)?.comment ?? '',
    ...(config.created === undefined ? {} : { Created: config.created }),
    /* Left-overs of a time when images were made by committing containers; gone with 1.45. */
    ...(compareApiVersions(version, '1.45') < 0 ? { Container: '', ContainerConfig: {} } : {}),
    DockerVersion: '',
    Author: config.author ?? '',
    Config: process,
    Architecture: config.architecture,
    ...(config.variant === undefined ? {} : { Variant: config.variant }),
    Os: config.os,
    ...(config['os.version'] === undefined ? {} : { OsVersion: config['os.version'] }),
    Size: image.size,
    ...(compareApiVersions(version, '1.44') < 0 ? { VirtualSize: image.size } : {}),
    GraphDriver: { Data: layerDirectories(trees), Name: 'overlay2' },
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: image.lastTaggedAt === 0 ? never : rfc3339(image.lastTaggedAt) },
  };
}

/** As Docker's overlay2 names them; there is nothing mounted for an image. */
function layerDirectories([upper, ...lower]: readonly string[]): Record<string, string> | null {
  if (upper === undefined) return null;
  return { ...(lower.length === 0 ? {} : { LowerDir: lower.join(':') }), UpperDir: upper };
}

/** Up to 1.49 an image's configuration had all the fields of a container's, most of them empty. */
function encodeProcess(config: ImageProcess, version: string): ImageProcessConfig {
  const process: ImageProcessConfig = {
    ...(config.User === undefined || config.User === '' ? {} : { User: config.User }),
    ...(config.ExposedPorts ? { ExposedPorts: config.ExposedPorts } : {}),
    Env: config.Env ?? [],
    Cmd: config.Cmd ?? null,
    ...(config.Healthcheck ? { Healthcheck: config.Healthcheck } : {}),
    ...(config.ArgsEscaped === true ? { ArgsEscaped: true } : {}),
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    ...(config.StopSignal === undefined ? {} : { StopSignal: config.StopSignal }),
    ...(config.Shell ? { Shell: config.Shell } : {}),
  };
  return compareApiVersions(version, '1.50') < 0 ? { ...emptyProcess, ...process } : process;
}

const emptyProcess: Partial<ContainerConfig> = {
  Hostname: '',
  Domainname: '',
  User: '',
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  Tty: false,
  OpenStdin: false,
  StdinOnce: false,
  Image: '',
};

export function encodeHistoryEntry(entry: ImageHistoryEntry): ImageHistoryRow {
  return {
    Id: entry.id,
    Created: entry.created === undefined ? goZeroSeconds : Math.floor(entry.created / 1000),
    CreatedBy: entry.createdBy,
    Tags: entry.tags.length === 0 ? null : entry.tags,
    Size: entry.size,
    Comment: entry.comment,
  };
}

export function encodeRemoved(removed: readonly RemovedImage[]): ImageDeleteRow[] {
  return removed.map((one) => ({
    ...(one.untagged === undefined ? {} : { Untagged: one.untagged }),
    ...(one.deleted === undefined ? {} : { Deleted: one.deleted }),
  }));
}

/** Go's zero time, in seconds since the epoch. */
const goZeroSeconds = -62_135_596_800;

/** Whole seconds since the epoch. */
function createdSeconds(created: string | undefined): number {
  const ms = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(ms) ? goZeroSeconds : Math.floor(ms / 1000);
}
