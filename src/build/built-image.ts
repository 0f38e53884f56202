/** What a finished build is, one for each platform: what outputs and cache exports are made of. */
import type { LayerOfImage } from '../images/image-records.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import type { Platform } from '../oci/platform.ts';
import type { BuildContext, BuildRequest, BuildResult, BuildVertex } from './build-types.ts';

export interface BuiltImage {
  platform: Platform;
  /** As it is written: its bytes are `JSON.stringify` of it, its digest the image's ID. */
  config: ImageConfig;
  /** Base layer first. All are unpacked here, and their blobs are in the blob store (plain tars where they were made here); held until `release`. */
  layers: readonly LayerOfImage[];
  /** Directories of the layers, top layer first, as `readLayeredFile` takes them. */
  trees: readonly string[];
  /** How many of `layers` came with the base image; its ID where it is on this host. */
  baseLayers: number;
  baseImageId?: string;
  /** What a cache export carries: each step that was run or found, in an order in which each comes after what it needs. */
  steps: readonly BuiltStep[];
}

/** A step's result, by the key that a next build asks the cache for. */
export interface BuiltStep {
  /** `sha256:…` of all the step's inputs. */
  key: string;
  /** As in `BuildVertex.name`. */
  description: string;
  /** Milliseconds since 1970. */
  createdAt: number;
  /** The whole file system after the step, base layer first. */
  layers: readonly LayerOfImage[];
  /** Is it one of those that the target itself is made of (cache mode `min`)? */
  isOfTarget: boolean;
  /** IDs of the cache mounts that the step wrote to. */
  cacheMounts: readonly string[];
}

/** Steps that were built elsewhere. */
export interface ImportedCache {
  /** Undefined where it has none of this key. Answers from memory. */
  find(key: string): ImportedStep | undefined;
  close(): Promise<void>;
}

export interface ImportedStep {
  /** Milliseconds since 1970. */
  createdAt: number;
  /** Base layer first. */
  diffIds: readonly string[];
  /** Brings the layers here, unpacks and keeps them (`ImageService.keepLayers`). Rejects where that cannot be: the step is run then. */
  fetch(signal: AbortSignal): Promise<LayerOfImage[]>;
}

/** A cache mount's files, for exports and imports. */
export interface CacheMountFiles {
  id: string;
  /** Its directory on this host. */
  root: string;
}

/** What outputs need of the builder. */
export interface OutputJob {
  request: BuildRequest;
  /** At least one, in the order of `request.platforms`. */
  images: readonly BuiltImage[];
  /** Cache mounts that the build used. */
  cacheMounts: readonly CacheMountFiles[];
  /** Runs `work` as a step of its own, with its start, end and error told to the client. */
  step<T>(name: string, work: (report: StepReport) => Promise<T>): Promise<T>;
  signal: AbortSignal;
}

export interface StepReport {
  vertex: BuildVertex['digest'];
  progress(part: {
    id: string;
    name: string;
    current: number;
    total: number;
    completedAt?: number;
    startedAt?: number;
  }): void;
  log(text: string): void;
}

/** Made by `outputs/`: the builder calls them where a request asks for them. */
export interface OutputParts {
  /**
   * The images as they are to be stored and written: with SOURCE_DATE_EPOCH no file of a layer that was made here is younger than that, and an inline cache is in
   * the configuration. To be called before the image is stored; what it makes is held until `settle` of the result.
   */
  prepare(job: OutputJob): Promise<PreparedImages>;
  /** Everything of `request.outputs` and `request.cacheTo`; what `images` are is stored as an image by the builder itself before (`kind: 'image'`). */
  write(job: OutputJob): Promise<Partial<BuildResult>>;
  /** `request.cacheFrom`. What can't be read is a warning in the client's progress, and an empty cache. */
  importCache(request: BuildRequest, signal: AbortSignal, mounts?: CacheMountPlaces): Promise<ImportedCache>;
}

export interface PreparedImages {
  images: readonly BuiltImage[];
  settle(): Promise<void>;
}

/** Where cache mounts that were built elsewhere go. */
export interface CacheMountPlaces {
  open(
    id: string,
    sharing: 'locked',
    signal: AbortSignal,
  ): Promise<{ root: string; isNew: boolean; release: () => void }>;
}

/** Turns contexts that are addresses into files; made by `files/`. */
export type OpenRemoteContext = (url: string, request: BuildRequest) => BuildContext;
