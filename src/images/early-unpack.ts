/** Unpacks a layer while it is still being downloaded, where that can be. Whatever goes wrong with it is made up for once all of the blob is here. */
import { shortId } from '../oci/digest.ts';
import { compressedBytes, type GzipSizes, gzipSizes } from '../snapshots/gunzip-file.ts';
import type { ImageParts } from './image-parts.ts';
import type { LayerOfImage } from './image-records.ts';
import type { Progress } from './image-types.ts';
import { meter } from './throttle.ts';

/** Bytes below which a layer is downloaded sooner than anything can be begun beside it. */
const smallSize = 1024 * 1024;

export class EarlyUnpack {
  readonly #parts: Pick<ImageParts, 'blobs' | 'snapshots'>;
  readonly #layer: LayerOfImage;
  readonly #extracting: (current: number) => void;
  readonly #controller = new AbortController();
  readonly #signal: AbortSignal;
  #work: Promise<unknown> | undefined;
  /** Known once the blob is here: before that the bar shows the download. */
  #sizes: GzipSizes | undefined;

  constructor(
    parts: Pick<ImageParts, 'blobs' | 'snapshots'>,
    layer: LayerOfImage,
    progress: Progress,
    signal: AbortSignal,
  ) {
    this.#parts = parts;
    this.#layer = layer;
    this.#extracting = meter(progress, shortId(layer.blob.digest), 'Extracting', layer.blob.size);
    this.#signal = AbortSignal.any([signal, this.#controller.signal]);
  }

  /** Called as often as bytes come: sets it going with the first. */
  begin(): void {
    const { blob } = this.#layer;
    if (this.#work !== undefined || blob.size < smallSize) return;
    const file = this.#parts.blobs.incoming(blob.digest);
    if (file === undefined) return;
    const source = { file, size: blob.size, onPlain: (bytes: number) => this.#report(bytes) };
    this.#work = this.#parts.snapshots.unpackComing(this.#layer, source, this.#signal);
    this.#work.catch(() => undefined);
  }

  /** The blob is here: waits for the end. The layer is here then, or it is unpacked as if nothing had been, which tells what is wrong with it. */
  async end(): Promise<void> {
    if (this.#work === undefined) return;
    this.#sizes = await gzipSizes(this.#parts.blobs.path(this.#layer.blob.digest)).catch(() => undefined);
    await this.#work.catch(() => undefined);
  }

  /** There will be no blob. Nothing of the layer is left. */
  async abandon(): Promise<void> {
    this.#controller.abort();
    await this.#work?.catch(() => undefined);
  }

  #report(bytes: number): void {
    if (this.#sizes !== undefined) this.#extracting(compressedBytes(bytes, this.#sizes));
  }
}
