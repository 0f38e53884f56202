/** What the daemon and the thread that counts sizes say to one another. */

export interface WalkRequest {
  id: number;
  path: string;
}

export interface WalkReply {
  id: number;
  /** Bytes. */
  size: number;
}
