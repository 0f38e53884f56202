/** What the daemon's thread and an unpacking thread say to each other. */
import type { FileOperation } from '../host/launcher-types.ts';

/** To the worker. One layer at a time: `begin`, `chunk`s, `end`, then `finish`. */
export type UnpackRequest =
  | { kind: 'begin'; root: string }
  /** All in one: the worker reads (and decompresses) the archive itself, and answers as to `end`. */
  | { kind: 'file'; root: string; path: string; limit: number | undefined }
  /** The same with a plain tar that comes through an open descriptor, which stays the caller's to close. */
  | { kind: 'pipe'; root: string; descriptor: number; limit: number | undefined }
  /** A run of bytes in the shared ring, which was given to the worker as its data. Its own until it says `consumed`. */
  | { kind: 'chunk'; offset: number; length: number }
  | { kind: 'end' }
  | { kind: 'finish' };

/** From the worker. `extracted` answers `end`, `finished` answers `finish`; the operations are the launcher's to do. */
export type UnpackReply =
  | { kind: 'consumed'; bytes: number }
  /** Bytes of the `file`, or of the `pipe`, read so far. */
  | { kind: 'read'; bytes: number }
  | { kind: 'extracted'; diffId: string; operations: FileOperation[] }
  | { kind: 'finished'; operations: FileOperation[]; size: number; opaque: string[] }
  | {
      kind: 'failed';
      code: string | undefined;
      errno: string | undefined;
      message: string;
      hint: string | undefined;
    };
