/** Images as Docker shows them to clients of each version. */
import type { Image, RemovedImage } from '../images/image-types.ts';
import type { HistoryEntry, ImageProcess } from '../oci/image-config.ts';
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
    ParentId: '',
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Created: createdSeconds(image.config.created),
    Size: image.size,
    SharedSize: row.sharedSize,
    ...(compareApiVersions(version, '1.44') < 0 ? { VirtualSize: image.size } : {}),
    Labels: image.config.config?.Labels ?? null,
    Containers: row.containers,
  };
}

export function encodeImageInspect(image: Image, version: string): ImageInspect {
  const { config } = image;
  const process = encodeProcess(config.config ?? {}, version);
  return {
    Id: image.id,
    RepoTags: image.repoTags,
    RepoDigests: image.repoDigests,
    Parent: '',
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
    GraphDriver: { Data: null, Name: 'overlay2' },
    RootFS: { Type: config.rootfs.type, Layers: config.rootfs.diff_ids },
    Metadata: { LastTagTime: image.lastTaggedAt === 0 ? never : rfc3339(image.lastTaggedAt) },
  };
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

/** Newest step first. Only the newest has the image's own ID and tags; sizes belong to the steps that made a layer. */
export function encodeHistory(image: Image, layerSizes: readonly number[]): ImageHistoryRow[] {
  const steps: HistoryEntry[] = image.config.history ?? image.config.rootfs.diff_ids.map(() => ({}));
  let layer = 0;
  const rows = steps.map((step): ImageHistoryRow => {
    const size = step.empty_layer === true ? 0 : (layerSizes[layer++] ?? 0);
    return {
      Id: '<missing>',
      Created: createdSeconds(step.created),
      CreatedBy: step.created_by ?? '',
      Tags: null,
      Size: size,
      Comment: step.comment ?? '',
    };
  });
  const newest = rows.at(-1);
  if (newest !== undefined) rows[rows.length - 1] = { ...newest, Id: image.id, Tags: image.repoTags };
  return rows.reverse();
}

export function encodeRemoved(removed: readonly RemovedImage[]): ImageDeleteRow[] {
  return removed.map((one) => ({
    ...(one.untagged === undefined ? {} : { Untagged: one.untagged }),
    ...(one.deleted === undefined ? {} : { Deleted: one.deleted }),
  }));
}

/** Whole seconds since the epoch; Go's zero time is long before it. */
function createdSeconds(created: string | undefined): number {
  const ms = created === undefined ? Number.NaN : Date.parse(created);
  return Number.isNaN(ms) ? -62_135_596_800 : Math.floor(ms / 1000);
}
