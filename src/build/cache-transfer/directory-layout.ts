/** An OCI image layout in a directory of this host, as what a local cache is written to and read from. */
import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { digestHex, parseDigest } from '../../oci/digest.ts';
import type { LayoutAccess } from '../build-types.ts';
import { indexName } from './layout-index.ts';

export class DirectoryLayout implements LayoutAccess {
  readonly hasIndex = true;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async read(name: string): Promise<Readable> {
    return createReadStream(this.#pathOf(name));
  }

  async write(name: string, _size: number, data: Readable): Promise<void> {
    const path = this.#pathOf(name);
    await mkdir(dirname(path), { recursive: true });
    const temporary = join(this.#root, `.new-${randomBytes(8).toString('hex')}`);
    try {
      await pipeline(data, createWriteStream(temporary));
      await rename(temporary, path);
    } finally {
      await rm(temporary, { force: true });
    }
    if (name === indexName) await writeFile(join(this.#root, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  }

  #pathOf(name: string): string {
    if (name === indexName) return join(this.#root, indexName);
    return join(this.#root, 'blobs', 'sha256', digestHex(parseDigest(name)));
  }
}
