/** What a health check writes, as far as it is kept. */

const keptBytes = 4096;

export class HealthOutput {
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #truncated = false;

  add(data: Buffer): void {
    const room = keptBytes - this.#length;
    this.#truncated ||= data.length > room;
    if (room === 0) return;
    /* A copy: a part of a large chunk would hold all of it. */
    const kept = Buffer.from(data.subarray(0, room));
    this.#chunks.push(kept);
    this.#length += kept.length;
  }

  /** The first 4096 bytes; dots after them tell that there were more. */
  toString(): string {
    return `${Buffer.concat(this.#chunks).toString('utf8')}${this.#truncated ? '...' : ''}`;
  }
}
