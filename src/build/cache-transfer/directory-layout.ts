/** An OCI image layout in a directory of this host, as what a local cache is written to and read from. */
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../../errors/engine-error.ts';
import { digestHex, parseDigest } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { LayoutAccess } from '../build-types.ts';

const refName = 'org.opencontainers.image.ref.name';

interface Entry {
  mediaType: string;
  digest: string;
  size: number;
  annotations?: Record<string, string>;
}

export class DirectoryLayout implements LayoutAccess {
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async read(digest: string): Promise<Readable> {
    return createReadStream(this.#pathOf(digest));
  }

  async write(digest: string, _size: number, data: Readable): Promise<void> {
    const path = this.#pathOf(digest);
    await mkdir(join(this.#root, 'blobs', 'sha256'), { recursive: true });
    const temporary = join(this.#root, `.new-${randomBytes(8).toString('hex')}`);
    try {
      await pipeline(data, createWriteStream(temporary));
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
  }

  /** Digest of what is tagged so. EngineError `not-found`. */
  async resolve(tag = 'latest'): Promise<string> {
    const found = (await this.#entries()).find(({ annotations }) => annotations?.[refName] === tag);
    if (found !== undefined) return parseDigest(found.digest);
    throw new EngineError('not-found', `the layout ${this.#root} has no ${tag}`);
  }

  /** Lets `tag` name a manifest that is here. */
  async name(descriptor: Entry, tag = 'latest'): Promise<void> {
    const others = (await this.#entries()).filter(({ annotations }) => annotations?.[refName] !== tag);
    const manifests = [...others, { ...descriptor, annotations: { [refName]: tag } }];
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    await mkdir(this.#root, { recursive: true });
    await writeFile(join(this.#root, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
    await writeFile(join(this.#root, 'index.json'), JSON.stringify(index));
  }

  async #entries(): Promise<Entry[]> {
    const text = await readFile(join(this.#root, 'index.json'), 'utf8').catch(() => undefined);
    return text === undefined ? [] : (JSON.parse(text).manifests ?? []);
  }

  #pathOf(digest: string): string {
    return join(this.#root, 'blobs', 'sha256', digestHex(parseDigest(digest)));
  }
}
