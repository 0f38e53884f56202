/** The local driver: volumes are directories below one root, their metadata is in the database. */
import { lstatSync, mkdirSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { EngineError, isEngineError, messageOf } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';
import { Mutex } from '../util/mutex.ts';
import {
  dataOf,
  freshPlace,
  hasMounts,
  holdsFiles,
  makeDirectory,
  making,
  moveAside,
  removing,
} from './volume-files.ts';
import { newVolume, noQuotas, sameOrConflict, validateDriver } from './volume-make.ts';
import { anonymousLabel, anonymousVolumeName, validateVolumeName } from './volume-name.ts';
import { validateVolumeOptions, volumeSize } from './volume-options.ts';
import type { Volume, VolumeQuotas, VolumeRequest } from './volume-types.ts';

/** Removes a directory with all below it; resolves as well where there is none. */
export type RemoveTree = (path: string) => Promise<void>;

const removePlainTree: RemoveTree = (path) => rm(path, { recursive: true, force: true });

/**
 * The life of a volume: `create` makes the directory and then the document; containers name it in their mounts; `remove` puts the directory
 * aside, takes away the document and then the files. Who uses a volume the engine knows from its containers; `hold` bridges the time
 * between a volume's choice for a new container and that container's document.
 */
export class VolumeService {
  readonly #root: string;
  readonly #documents: Collection<Volume>;
  readonly #removeTree: RemoveTree;
  readonly #volumes: Map<string, Volume>;
  readonly #holders = new Map<string, Set<string>>();
  readonly #quotas: VolumeQuotas | undefined;
  /** One volume with a limit is made at a time. */
  readonly #limiting = new Mutex();

  private constructor(
    root: string,
    documents: Collection<Volume>,
    removeTree: RemoveTree,
    quotas: VolumeQuotas | undefined,
  ) {
    this.#root = root;
    this.#quotas = quotas;
    this.#removeTree = removeTree;
    this.#documents = documents;
    this.#volumes = new Map(documents.entries());
  }

  /**
   * Opens the volumes below `root` (made where missing) and repairs what a crash left half done. `removeTree` must manage whatever depth containers
   * make. Without `quotas` no volume has a limit.
   */
  static async open(
    root: string,
    documents: Collection<Volume>,
    removeTree: RemoveTree = removePlainTree,
    quotas?: VolumeQuotas,
  ): Promise<VolumeService> {
    mkdirSync(root, { recursive: true, mode: 0o701 });
    const service = new VolumeService(root, documents, removeTree, quotas);
    await service.#repair();
    return service;
  }

  /**
   * Makes a volume, with a limit where its options have a `size`, or returns the one of this name that is there. EngineErrors as of `create`;
   * `invalid-argument` in Docker's words where the file system has no project quotas.
   */
  async provide(request: VolumeRequest): Promise<{ volume: Volume; created: boolean }> {
    if (volumeSize(request.driverOpts) === 0) return this.create(request);
    const name = request.name || anonymousVolumeName();
    return await this.#limiting.run(async () => {
      if (this.#volumes.has(name)) return this.create(request);
      const labels = request.name ? request.labels : { ...request.labels, [anonymousLabel]: '' };
      const volume = await this.createFilled({ ...request, name, labels }, () => Promise.resolve());
      return { volume, created: true };
    });
  }

  /** Sets the limit of a volume anew, at each use: it holds whatever has become of the file system. EngineErrors as of `provide`, and `not-found`. */
  async enforce(name: string): Promise<void> {
    const { options } = this.get(name);
    await this.#limit(name, join(this.#root, name), volumeSize(options));
  }

  /**
   * Makes a volume without a limit, or returns the one of this name that is there. EngineError `invalid-argument` for a bad name or options, `not-found` for an
   * unknown driver, `conflict` where the volume is there with other options.
   */
  create(request: VolumeRequest): { volume: Volume; created: boolean } {
    const anonymous = request.name === undefined || request.name === '';
    const name = anonymous ? anonymousVolumeName() : (request.name ?? '');
    validateVolumeName(name);
    validateDriver(name, request.driver);
    validateVolumeOptions(name, request.driverOpts);
    const existing = this.#volumes.get(name);
    if (existing !== undefined) {
      const volume = sameOrConflict(existing, request.driverOpts);
      this.#holdFor(name, request);
      return { volume, created: false };
    }
    if (volumeSize(request.driverOpts) > 0) throw noQuotas(name);
    const labels = anonymous ? { ...request.labels, [anonymousLabel]: '' } : request.labels;
    const volume = newVolume({ ...request, name, labels }, makeDirectory(this.#root, name));
    this.#record(volume);
    this.#holdFor(name, request);
    return { volume, created: true };
  }

  find(name: string): Volume | undefined {
    return this.#volumes.get(name);
  }

  /** EngineError `not-found`: "get NAME: no such volume". */
  get(name: string): Volume {
    const volume = this.#volumes.get(name);
    if (volume === undefined) throw new EngineError('not-found', `get ${name}: no such volume`);
    return volume;
  }

  /** Ordered by name. */
  list(): Volume[] {
    return [...this.#volumes.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
  }

  /** Keeps `name` from being removed until `release(holder)`. In memory only. */
  hold(name: string, holder: string): void {
    const holders = this.#holders.get(name) ?? new Set();
    this.#holders.set(name, holders.add(holder));
  }

  release(holder: string): void {
    for (const [name, holders] of this.#holders) {
      holders.delete(holder);
      if (holders.size === 0) this.#holders.delete(name);
    }
  }

  /** Who holds a volume, beside the containers whose documents name it. */
  holders(name: string): string[] {
    return [...(this.#holders.get(name) ?? [])];
  }

  /** Binds a volume to another container, or to none. Durable. */
  bind(name: string, containerId: string | undefined): void {
    const { boundTo, ...volume } = this.get(name);
    if (boundTo === containerId) return;
    this.#record(containerId === undefined ? volume : { ...volume, boundTo: containerId });
  }

  /** The volumes that go with a container. */
  boundTo(containerId: string): Volume[] {
    return this.list().filter((volume) => volume.boundTo === containerId);
  }

  /**
   * Removes a volume. Gone from lists at once; its files are gone when this resolves, or are at `keepAt` (a path that is free, on the same file
   * system). EngineError `not-found`, or `conflict` while it is protected or in use: by `usedBy` (container IDs) or a holder.
   */
  async remove(name: string, usedBy: readonly string[], keepAt?: string): Promise<void> {
    this.checkRemovable(name, usedBy);
    if (hasMounts(join(this.#root, name))) {
      throw new EngineError('conflict', `remove ${name}: something is mounted in the volume`, {
        hint: `unmount it first: findmnt -R ${dataOf(this.#root, name)}`,
      });
    }
    /* In this order: what a crash leaves is a volume that is empty, never one that is back with its files. */
    const doomed = keepAt ?? freshPlace(this.#root, removing);
    this.#move('remove', name, join(this.#root, name), doomed);
    this.#forget(name);
    if (keepAt === undefined) await this.#removeTree(doomed);
  }

  /** EngineErrors as of `remove`. */
  checkRemovable(name: string, usedBy: readonly string[]): void {
    const { isProtected } = this.get(name);
    this.#checkUnused('remove', name, usedBy);
    if (isProtected !== true) return;
    throw new EngineError('conflict', `remove ${name}: volume is protected`, {
      hint: `take the protection away with "gantry volume unprotect ${name}" first`,
    });
  }

  /** Brings back a volume whose files are at `from`. EngineError `conflict` where another has its name by now. */
  putBack(volume: Volume, from: string): void {
    this.#checkFree('restore', volume.name);
    /* The document first: a directory without one has lost its labels. */
    this.#record({ ...volume, mountpoint: dataOf(this.#root, volume.name) });
    try {
      this.#move('restore', volume.name, from, join(this.#root, volume.name));
      makeDirectory(this.#root, volume.name);
    } catch (error) {
      this.#forget(volume.name);
      throw error;
    }
  }

  /**
   * Makes a volume of what `fill` writes into an empty directory: it is there when it is whole, or not at all. EngineErrors as of `create`;
   * `conflict` where the name is taken.
   */
  async createFilled(request: VolumeRequest, fill: (directory: string) => Promise<void>): Promise<Volume> {
    const name = request.name ?? '';
    validateVolumeName(name);
    validateDriver(name, request.driver);
    validateVolumeOptions(name, request.driverOpts);
    this.#checkFree('create', name);
    const place = freshPlace(this.#root, making);
    try {
      const data = makeDirectory(this.#root, basename(place));
      await this.#limit(name, place, volumeSize(request.driverOpts));
      await fill(data);
      this.#checkFree('create', name);
      this.#move('create', name, place, join(this.#root, name));
    } catch (error) {
      await this.#removeTree(place);
      throw error;
    }
    const volume = newVolume({ ...request, name }, dataOf(this.#root, name));
    this.#record(volume);
    this.#holdFor(name, request);
    return volume;
  }

  /** Gives a volume another name; an anonymous one is as any other then. EngineErrors `invalid-argument`, `not-found`, `conflict`. */
  rename(name: string, to: string, usedBy: readonly string[]): Volume {
    const volume = this.get(name);
    validateVolumeName(to);
    this.#checkUnused('rename', name, usedBy);
    this.#checkFree('rename', to);
    /* What is to be is on the disk before the directory moves: start-up ends it. */
    this.#record({ ...volume, renamedTo: to });
    try {
      return this.#finishRename(volume, to);
    } catch (error) {
      this.#record(volume);
      throw error;
    }
  }

  /** Keeps a volume from every removal, or no longer. Durable. */
  protect(name: string, isProtected: boolean): void {
    const { isProtected: before, ...volume } = this.get(name);
    if ((before === true) !== isProtected) this.#record(isProtected ? { ...volume, isProtected } : volume);
  }

  #finishRename(volume: Volume, to: string): Volume {
    const { renamedTo: _renamed, boundTo: _bound, ...kept } = volume;
    const { [anonymousLabel]: _anonymous, ...labels } = volume.labels;
    this.#move('rename', volume.name, join(this.#root, volume.name), join(this.#root, to));
    const renamed: Volume = { ...kept, name: to, labels, mountpoint: makeDirectory(this.#root, to) };
    this.#record(renamed);
    this.#forget(volume.name);
    return renamed;
  }

  #holdFor(name: string, { holder }: VolumeRequest): void {
    if (holder !== undefined) this.hold(name, holder);
  }

  async #limit(name: string, place: string, bytes: number): Promise<void> {
    if (bytes === 0) return;
    if (this.#quotas === undefined || !(await this.#quotas.isEnforced())) throw noQuotas(name);
    await this.#quotas.limit([place, join(place, '_data')], bytes);
  }

  #checkUnused(doing: string, name: string, usedBy: readonly string[]): void {
    const users = [...new Set([...usedBy, ...this.holders(name)])];
    if (users.length === 0) return;
    throw new EngineError('conflict', `${doing} ${name}: volume is in use - [${users.join(', ')}]`, {
      hint: 'remove the containers that use it first',
    });
  }

  #checkFree(doing: string, name: string): void {
    if (!this.#volumes.has(name)) return;
    throw new EngineError(
      'conflict',
      `${doing} ${name}: conflict: volume name must be unique: a volume of this name exists`,
      { hint: 'choose another name, or remove or rename the volume of this name first' },
    );
  }

  #move(doing: string, name: string, from: string, to: string): void {
    try {
      moveAside(from, to);
    } catch (error) {
      throw new EngineError('internal', `${doing} ${name}: ${messageOf(error)}`, { cause: error });
    }
  }

  #record(volume: Volume): void {
    this.#documents.put(volume.name, volume);
    this.#volumes.set(volume.name, volume);
  }

  #forget(name: string): void {
    this.#documents.delete(name);
    this.#volumes.delete(name);
  }

  /** Ends removals and renamings that were begun, drops what was made and never recorded, makes again what is recorded and missing. */
  async #repair(): Promise<void> {
    for (const volume of [...this.#volumes.values()])
      if (volume.renamedTo !== undefined) this.#endRename(volume, volume.renamedTo);
    for (const entry of readdirSync(this.#root, { withFileTypes: true })) {
      const { name } = entry;
      if (name.startsWith(removing) || name.startsWith(making)) await this.#sweep(join(this.#root, name));
      else if (entry.isDirectory() && !this.#volumes.has(name) && holdsFiles(this.#root, name))
        this.#adopt(name);
    }
    for (const volume of this.#volumes.values()) this.#makeAgain(volume);
  }

  /** What is mounted there is somebody else's: it is left alone, and met again at the next start. */
  async #sweep(path: string): Promise<void> {
    if (!hasMounts(path)) await this.#removeTree(path);
  }

  /** Where it can't be ended, the volume has its old name. */
  #endRename(volume: Volume, to: string): void {
    try {
      this.#finishRename(volume, to);
    } catch {
      const { renamedTo: _, ...unchanged } = volume;
      this.#record(unchanged);
    }
  }

  /** One volume's trouble is not the daemon's: whoever wants to use it is told. */
  #makeAgain(volume: Volume): void {
    try {
      const mountpoint = makeDirectory(this.#root, volume.name);
      if (mountpoint !== volume.mountpoint) this.#record({ ...volume, mountpoint });
    } catch (error) {
      if (!isEngineError(error, 'failed-precondition')) throw error;
    }
  }

  /** Files without a document: the database was lost, or a volume was whole and the daemon went before it could say so. */
  #adopt(name: string): void {
    try {
      validateVolumeName(name);
    } catch {
      return;
    }
    const mountpoint = dataOf(this.#root, name);
    const createdAt = Math.round(lstatSync(mountpoint).ctimeMs);
    const labels = /^[0-9a-f]{64}$/.test(name) ? { [anonymousLabel]: '' } : {};
    this.#record({ name, driver: 'local', mountpoint, createdAt, labels, options: {} });
  }
}
