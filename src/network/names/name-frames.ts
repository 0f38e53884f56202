/** Cuts a TCP stream of the domain name system into its messages, each with its length before it (RFC 1035, 4.2.2). */

const lengthSize = 2;

export class NameFrames {
  #rest = Buffer.alloc(0);

  /** The messages that are complete with `chunk`. */
  push(chunk: Buffer): Buffer[] {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    while (this.#rest.length >= lengthSize) {
      const end = lengthSize + this.#rest.readUInt16BE(0);
      if (this.#rest.length < end) break;
      messages.push(this.#rest.subarray(lengthSize, end));
      this.#rest = this.#rest.subarray(end);
    }
    return messages;
  }
}
