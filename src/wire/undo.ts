/** What was removed and can be restored: Gantry's own, below `/gantry/undo`. */

export interface RemovedObject {
  Id: string;
  Kind: 'container' | 'volume';
  Name: string;
  /** RFC 3339. */
  RemovedAt: string;
  /** RFC 3339. */
  ExpiresAt: string;
  /** Bytes; -1 until they are counted. */
  Size: number;
}
