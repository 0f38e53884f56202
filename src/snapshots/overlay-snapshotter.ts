/** Layers for overlayfs: one directory a layer, named by its chain ID, and an upper and a work directory a container. */
import { randomBytes } from 'node:crypto';
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { EngineError, errnoOf } from '../errors/engine-error.ts';
import type { GzipHelper } from '../host/gzip-helper.ts';
import type { Launcher } from '../host/launcher-types.ts';
import { digestHex, isDigestHex, parseDigest } from '../oci/digest.ts';
import type { ArchiveJob, LayerChange, MountPoint, TarShape } from './archive/archive-messages.ts';
import { archiveStream, listChanges } from './archive/archive-thread.ts';
import { defaultMaxExpansion, expansionLimit } from './expansion.ts';
import { gunzipComing } from './gunzip-file.ts';
import { type LayerDraft, LayerDrafts } from './layer-drafts.ts';
import { doFileOperations } from './layer-operations.ts';
import { layerRecordName, readLayerRecord } from './layer-record.ts';
import { removeTree, sweepTree } from './remove-tree.ts';
import { SharedSync } from './shared-sync.ts';
import { asEngineError, moveDirectory, readParents } from './snapshot-files.ts';
import type { ComingLayer, LayerFile, Snapshotter } from './snapshotter.ts';
import { UnpackPool } from './unpack-pool.ts';
import {
  type GunzippedLayer,
  throwIfCancelled,
  type UnpackedTree,
  type UnpackThread,
} from './unpack-thread.ts';
import { UnsettledLayers } from './unsettled-layers.ts';

export interface OverlaySnapshotterOptions {
  /** `DATA/overlay`. */
  root: string;
  launcher: Pick<Launcher, 'attributes' | 'fileOperations' | 'run'>;
  /** Decompresses gzip; by zlib without it. */
  gzip?: GzipHelper;
  /** See `Snapshotter.maxExpansion`. */
  maxExpansion?: number;
  /** Bounds directories; without it nothing can be bounded. */
  quotas?: { limit(directories: readonly string[], bytes: number): Promise<void> };
}

/** Bytes above which a layer is likely to have many files. */
const largeLayer = 8 * 1024 * 1024;
const treeName = 'diff';
const parentsName = 'layers.json';
const containerIdPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/;

/**
 * On disk: `layers/HEX/{diff,layer.json}`, `containers/ID/{upper,work,layers.json}`, and `temporary/`, in which layers are made and from
 * which things are removed: whatever a crash left there is deleted when the snapshotter is opened.
 */
export class OverlaySnapshotter implements Snapshotter {
  readonly maxExpansion: number;
  readonly drafts: LayerDrafts;
  readonly #layersRoot: string;
  readonly #containersRoot: string;
  readonly #temporaryRoot: string;
  readonly #launcher: Pick<Launcher, 'attributes' | 'fileOperations' | 'run'>;
  readonly #gzip: GzipHelper | undefined;
  readonly #quotas: OverlaySnapshotterOptions['quotas'];
  readonly #pool = new UnpackPool();
  readonly #unsettled: UnsettledLayers;
  /** What a crash left is being removed. */
  readonly #sweeping: Promise<void>;
  /** Sizes by chain ID. */
  readonly #layers = new Map<string, number>();
  readonly #unpacking = new Map<string, Promise<unknown>>();
  /** Chain IDs, base layer first, by container. */
  readonly #containers = new Map<string, readonly string[]>();

  /** Opens (or makes) the layers at `options.root`, and removes what a crash left half made. */
  constructor(options: OverlaySnapshotterOptions) {
    this.#layersRoot = join(options.root, 'layers');
    this.#containersRoot = join(options.root, 'containers');
    this.#temporaryRoot = join(options.root, 'temporary');
    this.#launcher = options.launcher;
    this.drafts = new LayerDrafts(join(options.root, 'drafts'), options.launcher);
    this.#gzip = options.gzip;
    this.#quotas = options.quotas;
    this.#unsettled = new UnsettledLayers(new SharedSync(options.launcher, options.root));
    this.maxExpansion = options.maxExpansion ?? defaultMaxExpansion;
    mkdirSync(options.root, { recursive: true, mode: 0o710 });
    this.#sweeping = sweepTree(this.#launcher, options.root, this.#temporaryRoot);
    for (const directory of [this.#layersRoot, this.#containersRoot, this.#temporaryRoot]) {
      mkdirSync(directory, { recursive: true, mode: 0o710 });
    }
    this.#readLayers();
    this.#readContainers();
  }

  /** Ends the unpacking threads. */
  async close(): Promise<void> {
    await this.#sweeping;
    await this.#pool.close();
    await this.drafts.close();
    await this.#unsettled.close();
  }

  hasLayer(chainId: string): boolean {
    return this.#layers.has(chainId);
  }

  layerSize(chainId: string): number {
    const size = this.#layers.get(chainId);
    if (size === undefined) throw new EngineError('not-found', `layer ${chainId} does not exist`);
    return size;
  }

  layers(): string[] {
    return [...this.#layers.keys()];
  }

  layersInUse(): Set<string> {
    return new Set([...this.#containers.values()].flat());
  }

  async unpack(
    layer: { chainId: string; diffId: string },
    source: Readable | LayerFile,
    signal?: AbortSignal,
  ): Promise<number> {
    const chainId = parseDigest(layer.chainId);
    for (;;) {
      const known = this.#layers.get(chainId);
      const running = this.#unpacking.get(chainId);
      if (known !== undefined) {
        discardSource(source);
        return known;
      }
      if (running === undefined) break;
      // Where the other one fails, this one's own stream may still be good.
      await running.catch(() => undefined);
      throwIfCancelled(signal);
    }
    return await this.#once(chainId, this.#unpackNew(layer, source, signal));
  }

  async unpackComing(
    layer: { chainId: string; diffId: string },
    source: ComingLayer,
    signal?: AbortSignal,
  ): Promise<number | undefined> {
    const chainId = parseDigest(layer.chainId);
    if (this.#layers.has(chainId) || this.#unpacking.has(chainId)) return undefined;
    const limit = expansionLimit(source.size, this.maxExpansion);
    const unpacked = this.#pool.useSlowly(async (thread) => {
      const gunzip = await gunzipComing(this.#gzip, source, signal);
      if (gunzip === undefined) return undefined;
      try {
        return await this.#unpackBy(thread, layer, { gunzip, limit }, signal);
      } finally {
        // The thread may not have come to it.
        await gunzip.stream.stop();
        await gunzip.stream.close();
      }
    });
    return await this.#once(chainId, unpacked);
  }

  /** Lets whoever wants the same layer meanwhile wait for `work`. */
  async #once<T>(chainId: string, work: Promise<T>): Promise<T> {
    const shared = work.finally(() => this.#unpacking.delete(chainId));
    this.#unpacking.set(chainId, shared);
    return await shared;
  }

  async removeLayer(chainId: string): Promise<void> {
    const size = this.#layers.get(chainId);
    if (size === undefined) return;
    this.#layers.delete(chainId);
    await this.#discard(join(this.#layersRoot, digestHex(chainId)), size > largeLayer);
  }

  async adoptLayer(chainId: string, draft: LayerDraft, layer: UnpackedTree): Promise<boolean> {
    // Builds side by side may have made the same layer.
    for (let other = this.#unpacking.get(chainId); other !== undefined; other = this.#unpacking.get(chainId))
      await other.catch(() => undefined);
    if (this.#layers.has(chainId)) return false;
    const adopted = this.drafts.strip(draft).then(() => this.#commit(draft.directory, chainId, layer));
    await this.#once(chainId, adopted);
    return true;
  }

  /** Cheap on purpose, three directories and a small file, nothing synced: it is on the way of every start. */
  async create(containerId: string, chainIds: readonly string[]): Promise<void> {
    const directory = this.#containerDirectory(containerId);
    const missing = chainIds.find((chainId) => !this.#layers.has(chainId));
    if (missing !== undefined) throw new EngineError('not-found', `layer ${missing} does not exist`);
    try {
      mkdirSync(directory, 0o710);
      for (const name of ['upper', 'work']) mkdirSync(join(directory, name), 0o755);
      // Whatever the daemon's umask: `upper` is what the container sees as its root directory.
      chmodSync(join(directory, 'upper'), 0o755);
      writeFileSync(join(directory, parentsName), JSON.stringify(chainIds));
    } catch (error) {
      if (errnoOf(error) === 'EEXIST')
        throw new EngineError('conflict', `the layer of container ${containerId} exists already`);
      rmSync(directory, { recursive: true, force: true });
      throw asEngineError(error);
    }
    this.#containers.set(containerId, [...chainIds]);
  }

  async limit(containerId: string, bytes: number): Promise<void> {
    const { upper, work } = this.mount(containerId);
    if (this.#quotas === undefined) throw new EngineError('failed-precondition', 'no layer can be bounded');
    await this.#quotas.limit([this.#containerDirectory(containerId), upper, work], bytes);
  }

  mount(containerId: string): { lower: string[]; upper: string; work: string } {
    const chainIds = this.#containers.get(containerId);
    if (chainIds === undefined)
      throw new EngineError('not-found', `container ${containerId} has no read-write layer`);
    const directory = this.#containerDirectory(containerId);
    return {
      lower: this.trees(chainIds),
      upper: join(directory, 'upper'),
      work: join(directory, 'work'),
    };
  }

  /** Directories of these layers (base first), top layer first: for `readLayeredFile` and its like. */
  trees(chainIds: readonly string[]): string[] {
    return chainIds.map((chainId) => join(this.#layersRoot, digestHex(chainId), treeName)).toReversed();
  }

  async changes(containerId: string, mountPoints: readonly MountPoint[]): Promise<readonly LayerChange[]> {
    return await listChanges(this.#launcher, { ...this.mount(containerId), mountPoints });
  }

  archive(
    containerId: string,
    what: 'layer' | 'merged',
    mountPoints: readonly MountPoint[],
  ): { tar: Readable; members: Promise<number> } {
    const { upper, lower } = this.mount(containerId);
    const job: ArchiveJob = { what, upper, lower, mountPoints };
    const inode = lstatSync(upper).ino;
    // What of it was removed while it was read would be missing without a word.
    const verify = (): void => {
      if (lstatSync(upper, { throwIfNoEntry: false })?.ino === inode) return;
      throw new EngineError('not-found', `container ${containerId} was removed while its files were read`);
    };
    const { tar, result } = archiveStream(this.#launcher, job, verify);
    const members = result.then((end) => end.members);
    // Whoever reads only the tar hears of a failure there.
    members.catch(() => undefined);
    return { tar, members };
  }

  mergedTar(source: { chainIds: readonly string[] } | { directory: string }, shape?: TarShape): Readable {
    const trees =
      'directory' in source
        ? { upper: source.directory, lower: [] }
        : { upper: '', lower: this.trees(source.chainIds) };
    const job: ArchiveJob = { what: 'merged', ...trees, mountPoints: [], ...(shape && { shape }) };
    return archiveStream(this.#launcher, job, () => undefined).tar;
  }

  async remove(containerId: string): Promise<void> {
    const directory = this.#containerDirectory(containerId);
    this.#containers.delete(containerId);
    await this.#discard(directory);
  }

  async setAside(containerId: string, place: string): Promise<void> {
    await moveDirectory(this.#containerDirectory(containerId), place);
    this.#containers.delete(containerId);
  }

  async putBack(containerId: string, place: string): Promise<void> {
    if (this.#containers.has(containerId)) return;
    const chainIds = readParents(join(place, parentsName));
    const missing = chainIds.find((chainId) => !this.#layers.has(chainId));
    if (missing !== undefined) throw new EngineError('not-found', `layer ${missing} does not exist`);
    await moveDirectory(place, this.#containerDirectory(containerId));
    this.#containers.set(containerId, chainIds);
  }

  containers(): string[] {
    return [...this.#containers.keys()];
  }

  async #unpackNew(
    layer: { chainId: string; diffId: string },
    source: Readable | LayerFile,
    signal?: AbortSignal,
  ): Promise<number> {
    try {
      return await this.#pool.use((thread) => this.#unpackBy(thread, layer, this.#bounded(source), signal));
    } catch (error) {
      discardSource(source);
      throw asEngineError(error);
    }
  }

  async #unpackBy(
    thread: UnpackThread,
    layer: { chainId: string; diffId: string },
    source: Readable | LayerFile | GunzippedLayer,
    signal?: AbortSignal,
  ): Promise<number> {
    const temporary = join(this.#temporaryRoot, randomBytes(8).toString('hex'));
    const tree = join(temporary, treeName);
    try {
      await mkdir(tree, { recursive: true, mode: 0o755 });
      const unpacked = await thread.unpack(
        tree,
        source,
        (operations) => doFileOperations(this.#launcher, tree, operations),
        this.#gzip,
        signal,
      );
      if (unpacked.diffId !== layer.diffId) {
        throw new EngineError(
          'data-loss',
          `layer verification failed for digest ${layer.diffId}: got ${unpacked.diffId}`,
          {
            hint: 'the layer is not the one that the image was built with: pull it again, or from another registry',
          },
        );
      }
      await this.#commit(temporary, layer.chainId, unpacked);
      return unpacked.size;
    } catch (error) {
      await removeTree(this.#launcher, temporary);
      throw asEngineError(error);
    }
  }

  #bounded(source: Readable | LayerFile): Readable | LayerFile {
    if (source instanceof Readable) return source;
    return { ...source, limit: expansionLimit(statSync(source.path).size, this.maxExpansion) };
  }

  /** Makes a finished layer visible; it becomes durable after that. */
  async #commit(temporary: string, chainId: string, { size, opaque }: UnpackedTree): Promise<void> {
    const target = join(this.#layersRoot, digestHex(chainId));
    const file = await open(join(temporary, layerRecordName), 'wx', 0o600);
    await file.writeFile(JSON.stringify({ size, opaque }));
    await file.close();
    await this.#unsettled.mark(temporary);
    await rm(target, { recursive: true, force: true });
    await rename(temporary, target);
    this.#layers.set(chainId, size);
    this.#unsettled.settle(target);
  }

  /** Out of sight at once, by a rename; deleted after that. */
  async #discard(directory: string, large = false): Promise<void> {
    const temporary = join(this.#temporaryRoot, randomBytes(8).toString('hex'));
    try {
      await rename(directory, temporary);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return;
      throw asEngineError(error);
    }
    await removeTree(this.#launcher, temporary, large);
  }

  #containerDirectory(containerId: string): string {
    if (containerIdPattern.test(containerId)) return join(this.#containersRoot, containerId);
    throw new EngineError('invalid-argument', `bad container ID ${containerId}`);
  }

  #readLayers(): void {
    for (const name of readdirSync(this.#layersRoot)) {
      const directory = join(this.#layersRoot, name);
      const record = isDigestHex(name) ? readLayerRecord(directory) : undefined;
      if (record === undefined || this.#unsettled.isLost(directory)) continue;
      this.#layers.set(`sha256:${name}`, record.size);
      if (this.#unsettled.isMarked(directory)) this.#unsettled.settle(directory);
    }
  }

  #readContainers(): void {
    for (const name of readdirSync(this.#containersRoot)) {
      this.#containers.set(name, readParents(join(this.#containersRoot, name, parentsName)));
    }
  }
}

function discardSource(source: Readable | LayerFile): void {
  if (source instanceof Readable) source.destroy();
}
