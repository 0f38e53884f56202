/** Layered file systems: read-only layers keyed by chain ID, and one read-write layer a container. */
import type { Readable } from 'node:stream';
import type { GrowingFile } from '../util/growing-file.ts';
import type { LayerChange, MountPoint, TarShape } from './archive/archive-messages.ts';
import type { LayerDraft, LayerDrafts } from './layer-drafts.ts';

/** A layer's archive on disk. */
export interface LayerFile {
  path: string;
  /** Hears now and then how many bytes of the file were read. */
  onRead?: (bytes: number) => void;
  /** Plain bytes that it may have; any number unless told. */
  limit?: number;
}

/** A layer's archive that is still being written. */
export interface ComingLayer {
  file: GrowingFile;
  /** Bytes that it is to have. */
  size: number;
  /** Hears now and then how many bytes of the plain archive were read. */
  onPlain?: (bytes: number) => void;
}

/**
 * The life of a layer: `unpack` writes it into a temporary directory, verifies the diff ID while it does, and renames it to its
 * chain ID; from then on it never changes, until `removeLayer`. It is durable some seconds later: whoever stores it keeps the archive, and unpacks it again
 * where the host went down before that (a layer that may be half there is not opened as one). The life of a container's read-write layer: `create`, any
 * number of mounts (made by the shim, not here), `remove`.
 */
export interface Snapshotter {
  /** How many times its compressed size an archive may have; see `expansionLimit`. */
  readonly maxExpansion: number;
  /** Is the layer of this chain ID (`sha256:…`, OCI image-spec, config.md#layer-chainid) here, whole? */
  hasLayer(chainId: string): boolean;
  /**
   * Unpacks a layer: an uncompressed tar stream, or a file (plain, gzip or zstd), which is faster. Concurrent calls for one chain ID share
   * the work. Returns the layer's size in bytes. EngineError `data-loss` where the diff ID is another one, `invalid-argument` for a bad
   * archive, `resource-exhausted` for a full disk.
   */
  unpack(
    layer: { chainId: string; diffId: string },
    source: Readable | LayerFile,
    signal?: AbortSignal,
  ): Promise<number>;
  /**
   * The same with an archive that is still on its way; at its end `data-loss` where it broke off. Undefined, and nothing done, where that cannot be: it is no
   * gzip, the helper that reads it is not there, or enough others are at it.
   */
  unpackComing(
    layer: { chainId: string; diffId: string },
    source: ComingLayer,
    signal?: AbortSignal,
  ): Promise<number | undefined>;
  /** Layers that builds make. */
  readonly drafts: LayerDrafts;
  /** Makes a draft that was packed the layer of this chain ID, by a rename. False where that is here already: the draft is still the caller's. */
  adoptLayer(chainId: string, draft: LayerDraft, layer: { size: number; opaque: string[] }): Promise<boolean>;
  /** Bytes on disk of a layer, as recorded when it was written. */
  layerSize(chainId: string): number;
  removeLayer(chainId: string): Promise<void>;
  layers(): string[];
  /** Chain IDs that read-write layers stand on: these must not be removed. */
  layersInUse(): Set<string>;
  /** Directories of these layers (base first), top layer first: for `readLayeredFile` and its like. */
  trees(chainIds: readonly string[]): string[];
  /** Makes the read-write layer of `containerId` above `chainIds` (base layer first). */
  create(containerId: string, chainIds: readonly string[]): Promise<void>;
  /** Bounds what a container's layer may take, at first while it is empty. EngineErrors `not-found`, `failed-precondition`, `internal`. */
  limit(containerId: string, bytes: number): Promise<void>;
  /** What the shim needs to mount it: top layer first. */
  mount(containerId: string): { lower: string[]; upper: string; work: string };
  /**
   * What the container changed in its file system, whether it runs or not; `mountPoints` are no changes of its own. Paths are bytes as
   * `latin1`, without a leading slash. EngineError `not-found`.
   */
  changes(containerId: string, mountPoints: readonly MountPoint[]): Promise<readonly LayerChange[]>;
  /**
   * The same as a layer's tar (OCI image-spec, layer.md), or with `merged` a tar of the whole file system, with `mountPoints` in it.
   * `members` tells at the end how many there are. A container that changes its files meanwhile still gives a valid archive; one that
   * is removed breaks it off with EngineError `not-found`.
   */
  archive(
    containerId: string,
    what: 'layer' | 'merged',
    mountPoints: readonly MountPoint[],
  ): { tar: Readable; members: Promise<number> };
  /** A tar of what these layers (base first), or a `directory` that somebody may be changing, show as one file system. */
  mergedTar(source: { chainIds: readonly string[] } | { directory: string }, shape?: TarShape): Readable;
  /** Removes the read-write layer. Idempotent. */
  remove(containerId: string): Promise<void>;
  /** Moves the read-write layer to `place`, a free path on the same file system. Nothing here knows of it then. Idempotent. */
  setAside(containerId: string, place: string): Promise<void>;
  /** Moves it back. EngineError `not-found` where a layer that it stands on is gone. Idempotent. */
  putBack(containerId: string, place: string): Promise<void>;
  /** IDs of all read-write layers on disk, for start-up repair. */
  containers(): string[];
}
