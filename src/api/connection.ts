/** What the API needs of a connection: a socket, or a stream within this process that behaves as one. */
import type { Duplex } from 'node:stream';

export interface Connection extends Duplex {
  setNoDelay(noDelay?: boolean): unknown;
  /** Destroys it once all that was written has gone. */
  destroySoon(): void;
}
