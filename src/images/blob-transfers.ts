/** What outputs and caches of builds do with blobs: take them in, give them other forms, and bring them to registries and from them. */
import { finished, Readable } from 'node:stream';
import { chainIdsOf } from '../oci/digest.ts';
import { parseReference, type Reference, withDefaultTag } from '../oci/reference.ts';
import { fetchDocument, firstOwnEndpoint } from './fetch-manifest.ts';
import type { BuildLease } from './image-builds.ts';
import type { ImageParts } from './image-parts.ts';
import type { BlobRecord, LayerOfImage } from './image-records.ts';
import type { ImageTransfers, RepositoryAccess } from './image-types.ts';
import { clampedBlob, layerInForm, takeBlob } from './layer-forms.ts';
import { pullLayers } from './pull-layers.ts';
import { adoptCompressed, digestReference, pushOne } from './push-layers.ts';
import { RegistryPusher } from './registry/registry-pusher.ts';
import { archive } from './save-images.ts';
import { Slots } from './slots.ts';
import type {
  DocumentSource,
  FetchedDocument,
  LayerForm,
  LayerSource,
  RepositoryPush,
  SavePlan,
} from './transfer-types.ts';
import { unpackBlob } from './unpack-blob.ts';

/** See `ImageTransfers`. */
export class BlobTransfers implements ImageTransfers {
  readonly #parts: ImageParts;
  /** Compressions at once: each has a process, or a thread, of its own. */
  readonly #compressions = new Slots(4);

  constructor(parts: ImageParts) {
    this.#parts = parts;
  }

  lease(): BuildLease {
    return this.#parts.collector.lease();
  }

  async release(lease: BuildLease): Promise<void> {
    await this.#parts.collector.releaseAndCollect(lease);
  }

  open(digest: string): Promise<Readable> {
    return this.#parts.blobs.reader(digest);
  }

  async put(lease: BuildLease, data: Buffer): Promise<string> {
    return await this.#parts.blobs.put(data, { beforePublish: (digest) => lease.add(digest) });
  }

  take(lease: BuildLease, source: Readable, signal: AbortSignal): Promise<{ digest: string; size: number }> {
    return takeBlob(this.#parts.blobs, source, lease, signal);
  }

  /** The layer's blob in that form. Images name a compressed one from then on, so that it is made once. */
  async inForm(
    lease: BuildLease,
    layer: LayerOfImage,
    form: LayerForm,
    signal: AbortSignal,
  ): Promise<BlobRecord> {
    const blob = await this.#compressions.run(() => layerInForm(this.#parts, layer, form, lease, signal));
    // What others push later is gzip, as it always was.
    if (form.compression === 'gzip' && blob.digest !== layer.blob.digest && !form.isForced)
      await adoptCompressed(this.#parts, layer.blob.digest, blob);
    return blob;
  }

  /** The layer with no file in it younger than `latest`, on top of `below`: unpacked here, and held by `lease`. */
  async clamped(
    lease: BuildLease,
    layer: LayerOfImage,
    below: readonly LayerOfImage[],
    latest: number,
    signal: AbortSignal,
  ): Promise<LayerOfImage> {
    const blob = await clampedBlob(this.#parts, layer.blob, latest, lease, signal);
    const diffId = blob.digest;
    const chainId = chainIdsOf([...below.map((one) => one.diffId), diffId]).at(-1) ?? diffId;
    lease.add(chainId);
    await unpackBlob(this.#parts, { chainId, diffId, digest: blob.digest }, () => undefined, signal);
    return { diffId, chainId, blob };
  }

  /** An archive of blobs and documents: see `saveImages`. What is in it stays until the stream is closed. */
  archive(plan: SavePlan): Readable {
    const lease = this.lease();
    lease.add(...plan.blobs.keys());
    const tar = Readable.from(archive(this.#parts.blobs, plan), { objectMode: false });
    finished(tar, () => void this.release(lease).catch(() => undefined));
    return tar;
  }

  /** Rejects with EngineError in Docker's words. */
  async push<T>(access: RepositoryAccess, work: (push: RepositoryPush) => Promise<T>): Promise<T> {
    const reference = withDefaultTag(parseReference(access.reference));
    const { transport } = this.#parts;
    const pusher = await firstOwnEndpoint(
      reference.domain,
      this.#config(access, reference),
      async (endpoint) => {
        const one = new RegistryPusher(transport, endpoint, reference, access.auth, access.signal);
        await one.ping();
        return one;
      },
    );
    return await work({
      reference,
      blob: async (blob, report = () => undefined) =>
        void (await this.#parts.uploadSlots.run(() =>
          pushOne(this.#parts, { pusher, reference, signal: access.signal }, blob, report),
        )),
      manifest: (name, manifest) => pusher.putManifest(name, manifest),
    });
  }

  /** What a reference names. Rejects with EngineError in Docker's words. */
  async fetch(access: RepositoryAccess): Promise<{ client: DocumentSource; answer: FetchedDocument }> {
    const reference = withDefaultTag(parseReference(access.reference));
    const { transport } = this.#parts;
    const { auth, signal } = access;
    return await fetchDocument({
      transport,
      config: this.#config(access, reference),
      reference,
      auth,
      signal,
    });
  }

  /** Brings layers (base first) here, and unpacks them; `lease` holds them. */
  async layers(
    lease: BuildLease,
    client: LayerSource,
    layers: ReadonlyArray<{ diffId: string; blob: BlobRecord }>,
    signal: AbortSignal,
  ): Promise<LayerOfImage[]> {
    const chainIds = chainIdsOf(layers.map(({ diffId }) => diffId));
    const wanted = layers.map((layer, index) => ({ ...layer, chainId: chainIds[index] ?? '' }));
    return await pullLayers(this.#parts, { client, progress: () => undefined, lease, signal }, wanted);
  }

  /** The image has this manifest from now on, by which it is pushed and saved; with `reference` it is in that repository, too. */
  async remember(
    imageId: string,
    manifest: { digest: string; data: Buffer },
    reference?: Reference,
  ): Promise<void> {
    const { table, blobs } = this.#parts;
    const lease = this.lease();
    try {
      lease.add(manifest.digest);
      await blobs.put(manifest.data);
      const record = table.record(imageId);
      if (record === undefined) return;
      const names = reference === undefined ? [] : [digestReference(reference, manifest.digest)];
      table.put(imageId, { ...record, manifestDigests: [manifest.digest] }, names);
    } finally {
      await this.release(lease);
    }
  }

  #config({ isInsecure }: RepositoryAccess, { domain }: Reference): ImageParts['config'] {
    const { config } = this.#parts;
    if (!isInsecure) return config;
    return { ...config, insecureRegistries: [...config.insecureRegistries, domain] };
  }
}
