/** What the daemon's thread and an unpacking thread say to each other. */
import type { FileOperation } from '../host/launcher-types.ts';

/** To the worker. One layer at a time: `begin`, `chunk`s, `end`, then `finish`. */
export type UnpackRequest =
  | { kind: 'begin'; root: string }
  | { kind: 'chunk'; data: Uint8Array }
  | { kind: 'end' }
  | { kind: 'finish' };

/** From the worker. `extracted` answers `end`, `finished` answers `finish`; the operations are the launcher's to do. */
export type UnpackReply =
  | { kind: 'consumed'; bytes: number }
  | { kind: 'extracted'; diffId: string; operations: FileOperation[] }
  | { kind: 'finished'; operations: FileOperation[]; size: number; opaque: string[] }
  | {
      kind: 'failed';
      code: string | undefined;
      errno: string | undefined;
      message: string;
      hint: string | undefined;
    };
