/** The local driver: volumes are directories below one root, their metadata is in the database. */
import { chmodSync, mkdirSync, readdirSync, renameSync, rmdirSync, statSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EngineError, errnoOf, messageOf } from '../errors/engine-error.ts';
import type { Collection } from '../util/collection.ts';
import { anonymousLabel, anonymousVolumeName, validateVolumeName } from './volume-name.ts';
import { validateVolumeOptions } from './volume-options.ts';
import type { Volume, VolumeRequest } from './volume-types.ts';

/** Directories on their way out. No volume's name begins with a dot. */
const removing = '.removing-';

/**
 * The life of a volume: `create` makes the directory and then the document; containers name it in their mounts; `remove` puts the directory
 * aside, takes away the document and then the files. Who uses a volume the engine knows from its containers; `hold` bridges the time
 * between a volume's choice for a new container and that container's document.
 */
export class VolumeService {
  readonly #root: string;
  readonly #documents: Collection<Volume>;
  readonly #volumes: Map<string, Volume>;
  readonly #holders = new Map<string, Set<string>>();

  private constructor(root: string, documents: Collection<Volume>) {
    this.#root = root;
    this.#documents = documents;
    this.#volumes = new Map(documents.entries());
  }

  /** Opens the volumes below `root` (made where missing) and repairs what a crash left half done. */
  static async open(root: string, documents: Collection<Volume>): Promise<VolumeService> {
    mkdirSync(root, { recursive: true, mode: 0o701 });
    const service = new VolumeService(root, documents);
    await service.#repair();
    return service;
  }

  /**
   * Makes a volume, or returns the one of this name that is there. EngineError `invalid-argument` for a bad name or options, `not-found` for an
   * unknown driver, `conflict` where the volume is there with other options.
   */
  create(request: VolumeRequest): { volume: Volume; created: boolean } {
    const anonymous = request.name === undefined || request.name === '';
    const name = anonymous ? anonymousVolumeName() : (request.name ?? '');
    validateVolumeName(name);
    validateDriver(name, request.driver);
    validateVolumeOptions(name, request.driverOpts);
    const existing = this.#volumes.get(name);
    if (existing !== undefined)
      return { volume: sameOrConflict(existing, request.driverOpts), created: false };
    const volume: Volume = {
      name,
      driver: 'local',
      mountpoint: this.#makeDirectory(name),
      createdAt: Date.now(),
      labels: anonymous ? { ...request.labels, [anonymousLabel]: '' } : { ...request.labels },
      options: { ...request.driverOpts },
      ...(request.boundTo === undefined ? {} : { boundTo: request.boundTo }),
    };
    this.#record(volume);
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
   * Removes a volume and its files. Gone from lists at once, its files when this resolves. EngineError `not-found`, or `conflict` while it
   * is in use: by `usedBy` (container IDs) or a holder.
   */
  async remove(name: string, usedBy: readonly string[]): Promise<void> {
    this.get(name);
    const users = [...new Set([...usedBy, ...this.holders(name)])];
    if (users.length > 0) {
      throw new EngineError('conflict', `remove ${name}: volume is in use - [${users.join(', ')}]`, {
        hint: 'remove the containers that use it first',
      });
    }
    /* In this order: what a crash leaves is a volume that is empty, never one that is back with its files. */
    const doomed = this.#setAside(name);
    this.#documents.delete(name);
    this.#volumes.delete(name);
    await rm(doomed, { recursive: true, force: true });
  }

  #record(volume: Volume): void {
    this.#documents.put(volume.name, volume);
    this.#volumes.set(volume.name, volume);
  }

  /** The directory where the volume's files are: `ROOT/NAME/_data`, as in Docker. */
  #makeDirectory(name: string): string {
    const data = join(this.#root, name, '_data');
    try {
      mkdirSync(join(this.#root, name), { recursive: true, mode: 0o701 });
      mkdirSync(data, { recursive: true });
      chmodSync(data, 0o755);
      return data;
    } catch (error) {
      const full = errnoOf(error) === 'ENOSPC' || errnoOf(error) === 'EDQUOT';
      throw new EngineError(full ? 'resource-exhausted' : 'internal', `create ${name}: ${messageOf(error)}`, {
        cause: error,
        hint: full ? 'make room on the disk of the data root' : 'check that the data root is writable',
      });
    }
  }

  #setAside(name: string): string {
    const doomed = join(this.#root, `${removing}${anonymousVolumeName()}`);
    try {
      renameSync(join(this.#root, name), doomed);
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') {
        throw new EngineError('internal', `remove ${name}: ${messageOf(error)}`, { cause: error });
      }
    }
    return doomed;
  }

  /** Ends removals that were begun, drops directories that were made and never recorded, makes again what is recorded and missing. */
  async #repair(): Promise<void> {
    for (const entry of readdirSync(this.#root, { withFileTypes: true })) {
      const path = join(this.#root, entry.name);
      if (entry.name.startsWith(removing)) await rm(path, { recursive: true, force: true });
      else if (entry.isDirectory() && !this.#volumes.has(entry.name)) this.#adopt(entry.name, path);
    }
    for (const volume of this.#volumes.values()) {
      const mountpoint = this.#makeDirectory(volume.name);
      if (mountpoint !== volume.mountpoint) this.#record({ ...volume, mountpoint });
    }
  }

  /** A directory without a document: empty from a creation cut short, or with files: the database was lost, and the files are not ours to throw away. */
  #adopt(name: string, path: string): void {
    const data = join(path, '_data');
    try {
      rmdirSync(data);
    } catch (error) {
      if (errnoOf(error) === 'ENOTEMPTY') this.#adoptFiles(name, data);
      if (errnoOf(error) !== 'ENOENT') return;
    }
    try {
      rmdirSync(path);
    } catch {
      /* Something that is not ours: left alone. */
    }
  }

  #adoptFiles(name: string, mountpoint: string): void {
    try {
      validateVolumeName(name);
    } catch {
      return;
    }
    const createdAt = Math.round(statSync(mountpoint).ctimeMs);
    const labels = /^[0-9a-f]{64}$/.test(name) ? { [anonymousLabel]: '' } : {};
    this.#record({ name, driver: 'local', mountpoint, createdAt, labels, options: {} });
  }
}

function validateDriver(name: string, driver: string): void {
  if (driver === '' || driver === 'local') return;
  throw new EngineError(
    'not-found',
    `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`,
    { hint: 'use the driver local' },
  );
}

/** A volume that is named without options is taken as it is. */
function sameOrConflict(volume: Volume, options: Readonly<Record<string, string>>): Volume {
  const names = new Set([...Object.keys(options), ...Object.keys(volume.options)]);
  const same = [...names].every((name) => options[name] === volume.options[name]);
  if (Object.keys(options).length === 0 || same) return volume;
  throw new EngineError(
    'conflict',
    `create ${volume.name}: conflict: volume name must be unique: a volume of this name has other options`,
    { hint: 'choose another name, or remove the volume first' },
  );
}
