/** What the daemon's thread and a packing thread say to each other; one job at a time. */
import type { ArchiveReply, Attributes } from './archive-messages.ts';

/** A directory that nobody changes any more is to become a layer. */
export interface PackJob {
  upper: string;
  /** Top layer first, each with its opaque directories in the record beside it. */
  lower: readonly string[];
  /** Where the layer's tar is written: a new file. */
  file: string;
}

export interface PackedLayer {
  /** Digest and bytes of the tar. */
  diffId: string;
  tarSize: number;
  /** Bytes of file data. */
  size: number;
  /** Paths (bytes as `latin1`) of directories that hide what the layers below have in them. */
  opaque: string[];
}

export type PackRequest =
  | { kind: 'pack'; job: PackJob }
  | { kind: 'attributes'; results: readonly Attributes[] };

export type PackReply =
  | Extract<ArchiveReply, { kind: 'attributes' | 'failed' }>
  | { kind: 'packed'; layer: PackedLayer };
