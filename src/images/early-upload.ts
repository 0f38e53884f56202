/** Uploads a layer while it is still being compressed, before anybody knows its digest. Whatever goes wrong with it is made up for once that is known. */
import { Readable } from 'node:stream';
import { type GrowingFile, readGrowing } from '../util/growing-file.ts';
import type { RegistryPusher, UploadSession } from './registry/registry-pusher.ts';

export class EarlyUpload {
  readonly #pusher: RegistryPusher;
  #work: Promise<void> | undefined;
  #session: UploadSession | undefined;
  #sent = 0;
  /** Hears of it once it is known how many bytes there are. */
  #report: ((current: number) => void) | undefined;

  constructor(pusher: RegistryPusher) {
    this.#pusher = pusher;
  }

  /** Sends what there is of `file`, and what comes. */
  begin(file: GrowingFile): void {
    this.#work = this.#upload(file);
    this.#work.catch(() => undefined);
  }

  /** Where it goes, once the registry has said so. */
  get location(): URL | undefined {
    return this.#session?.location;
  }

  /** The file is whole: waits until it is sent, or the upload broke. Returns what the registry has of it, if anything; `report` hears how many bytes are sent. */
  async end(report: (current: number) => void): Promise<UploadSession | undefined> {
    this.#report = report;
    await this.#work?.catch(() => undefined);
    return this.#session;
  }

  async #upload(file: GrowingFile): Promise<void> {
    this.#session = await this.#pusher.begin(undefined, undefined);
    if (this.#session === undefined) return;
    const open = (): Readable => Readable.from(this.#counted(file), { objectMode: false });
    this.#session = await this.#pusher.append(this.#session, { size: undefined, open });
    this.#session.offset = this.#sent;
  }

  async *#counted(file: GrowingFile): AsyncGenerator<Uint8Array> {
    for await (const chunk of readGrowing(file)) {
      this.#sent += chunk.length;
      this.#report?.(this.#sent);
      yield chunk;
    }
  }
}
