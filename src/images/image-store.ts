/** The images of this host: pulled, loaded, imported, named, found and removed. */
import type { Readable } from 'node:stream';
import { EngineError } from '../errors/engine-error.ts';
import type { GzipHelper } from '../host/gzip-helper.ts';
import { canonicalReference, parseReference, withDefaultTag } from '../oci/reference.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { BlobStore } from '../store/blob-store.ts';
import { BlobTransfers } from './blob-transfers.ts';
import { BuiltLayers } from './built-layers.ts';
import { commitImage } from './commit-image.ts';
import { historyOf } from './image-history.ts';
import type { ImageConfiguration, ImageParts } from './image-parts.ts';
import { type ImageDatabase, ImageTable } from './image-table.ts';
import type {
  CommitRequest,
  DistributionInfo,
  Image,
  ImageHistoryEntry,
  ImageService,
  ManifestPut,
  Progress,
  PullRequest,
  PushRequest,
  RegistryAuth,
  RegistryLogin,
  RemoteManifest,
  RemovedImage,
  SearchResult,
} from './image-types.ts';
import { type ImportOptions, importImage } from './import-image.ts';
import { Collector } from './leases.ts';
import { type LoadOptions, loadImages } from './load-images.ts';
import { pullAllTags } from './pull-all.ts';
import { pullImage } from './pull-image.ts';
import { pushImage } from './push-image.ts';
import { putManifest } from './put-manifest.ts';
import type { RegistryConfig } from './registry/endpoints.ts';
import { Transport } from './registry/transport.ts';
import { checkLogin, inspectDistribution, remoteManifests } from './registry-questions.ts';
import { type RemoveOptions, removeImage } from './remove-image.ts';
import { repairLayers } from './repair-layers.ts';
import { noSuchImage, resolveImage } from './resolve-image.ts';
import { saveImages } from './save-images.ts';
import { searchImages } from './search-images.ts';
import { SharedWork } from './shared-work.ts';
import { Slots } from './slots.ts';
import { parseUploadRecord, UploadMemory } from './upload-memory.ts';

export interface ImageStoreOptions {
  database: ImageDatabase;
  blobs: BlobStore;
  snapshots: Snapshotter;
  gzip?: GzipHelper;
  config?: Partial<ImageConfiguration>;
  /** Does somebody else who shares `blobs` still hold this one? */
  keepsBlob?: (digest: string) => boolean;
}

const defaultDownloads = 3;
const defaultUploads = 5;
const defaultAttempts = 5;

export class ImageStore implements ImageService {
  readonly builds: BuiltLayers;
  readonly transfers: BlobTransfers;
  readonly #parts: ImageParts;
  readonly #layerSize: (chainId: string) => number;
  readonly #startup: Promise<void>;

  constructor(options: ImageStoreOptions) {
    const { blobs, snapshots, config = {}, keepsBlob } = options;
    // A layer that went missing must not take all lists of images with it.
    this.#layerSize = (chainId) => (snapshots.hasLayer(chainId) ? snapshots.layerSize(chainId) : 0);
    const table = new ImageTable(options.database, this.#layerSize);
    const downloads = config.maxConcurrentDownloads ?? defaultDownloads;
    const uploads = config.maxConcurrentUploads ?? defaultUploads;
    this.#parts = {
      config: {
        ...config,
        mirrors: config.mirrors ?? [],
        insecureRegistries: config.insecureRegistries ?? [],
        maxConcurrentDownloads: downloads,
        maxConcurrentUploads: uploads,
        maxDownloadAttempts: config.maxDownloadAttempts ?? defaultAttempts,
      },
      table,
      blobs,
      snapshots,
      gzip: options.gzip,
      collector: new Collector({
        table,
        blobs,
        snapshots,
        ...(keepsBlob === undefined ? {} : { keepsBlob }),
      }),
      transport: new Transport(() => this.#parts.config),
      downloads: new SharedWork(),
      downloadSlots: new Slots(downloads),
      uploadSlots: new Slots(uploads),
      uploads: new UploadMemory(options.database.collection('image_uploads', parseUploadRecord)),
    };
    this.builds = new BuiltLayers(this.#parts);
    this.transfers = new BlobTransfers(this.#parts);
    // Garbage that cannot be removed now is no reason not to start: the next collection meets it again.
    this.#startup = this.#parts.collector.collectAbandoned().catch(() => undefined);
  }

  async pull(request: PullRequest): Promise<Image> {
    return this.#view(await pullImage(this.#parts, request));
  }

  async pullAll(request: PullRequest): Promise<Image[]> {
    const ids = await pullAllTags(this.#parts, request);
    return ids.map((id) => this.#view(id));
  }

  async push(request: PushRequest): Promise<void> {
    await pushImage(this.#parts, request);
  }

  save(names: readonly string[], options: { platform?: string }, signal?: AbortSignal): Promise<Readable> {
    return saveImages(this.#parts, names, options, signal);
  }

  async commit(request: CommitRequest, signal?: AbortSignal): Promise<Image> {
    return this.#view(await commitImage(this.#parts, request, signal));
  }

  distribution(reference: string, auth?: RegistryAuth, signal?: AbortSignal): Promise<DistributionInfo> {
    return inspectDistribution(this.#parts, reference, auth, signal);
  }

  remoteManifests(
    reference: string,
    options: { expand: boolean; insecure: boolean },
    auth?: RegistryAuth,
    signal?: AbortSignal,
  ): Promise<RemoteManifest[]> {
    return remoteManifests(this.#parts, reference, options, auth, signal);
  }

  putManifest(put: ManifestPut): Promise<string> {
    return putManifest(this.#parts, put);
  }

  login(server: string, auth: RegistryAuth, signal?: AbortSignal): Promise<RegistryLogin> {
    return checkLogin(this.#parts, server, auth, signal);
  }

  search(term: string, limit: number, auth?: RegistryAuth, signal?: AbortSignal): Promise<SearchResult[]> {
    return searchImages(this.#parts, term, limit, auth, signal);
  }

  async load(
    archive: Readable,
    progress: Progress,
    signal?: AbortSignal,
    options: LoadOptions = {},
  ): Promise<Image[]> {
    const ids = await loadImages(this.#parts, archive, options, progress, signal);
    return ids.map((id) => this.#view(id));
  }

  async import(tar: Readable, options: ImportOptions, signal?: AbortSignal): Promise<Image> {
    return this.#view(await importImage(this.#parts, tar, options, signal));
  }

  repair(): Promise<string[]> {
    return repairLayers(this.#parts);
  }

  get(nameOrId: string): Image {
    const image = this.find(nameOrId);
    if (image === undefined) throw noSuchImage(nameOrId);
    return image;
  }

  find(nameOrId: string): Image | undefined {
    const id = resolveImage(this.#parts.table, nameOrId);
    return id === undefined ? undefined : this.#view(id);
  }

  list(): Image[] {
    return this.#parts.table.ids().map((id) => this.#view(id));
  }

  tag(source: string, target: string): void {
    const id = resolveImage(this.#parts.table, source);
    if (id === undefined) throw noSuchImage(source);
    const reference = withDefaultTag(parseReference(target));
    if (reference.digest !== undefined) {
      throw new EngineError('invalid-argument', 'refusing to create a tag with a digest reference', {
        hint: 'name it by a tag',
      });
    }
    this.#parts.table.setReference(canonicalReference(reference), id);
  }

  async remove(nameOrId: string, options: RemoveOptions): Promise<RemovedImage[]> {
    return await removeImage(this.#parts, nameOrId, options);
  }

  /** Steps of an image, newest first. EngineError `not-found`. */
  history(nameOrId: string): ImageHistoryEntry[] {
    const image = this.get(nameOrId);
    return historyOf(image, this.#layerSize, this.#parts.table.ancestors(image.id));
  }

  /** Digests of the blobs (and chain IDs) that images and operations under way need, for whoever shares the store. */
  neededBlobs(): ReadonlySet<string> {
    return this.#parts.collector.needed();
  }

  /** Deletes blobs and layers that no image, container or operation under way needs. Returns the chain IDs of removed layers. */
  async collectGarbage(): Promise<string[]> {
    return await this.#parts.collector.collect();
  }

  /** Replaces what is known of registries, when the daemon's configuration was read again. */
  configure(config: RegistryConfig): void {
    this.#parts.config = { ...this.#parts.config, ...config };
  }

  async close(): Promise<void> {
    await this.#startup;
    await this.#parts.transport.close();
  }

  #view(id: string): Image {
    const record = this.#parts.table.record(id);
    if (record === undefined) throw noSuchImage(id);
    return this.#parts.table.view(id, record);
  }
}

/** Opens the images that `options.database` lists. */
export function createImageStore(options: ImageStoreOptions): ImageStore {
  return new ImageStore(options);
}
