/** What `gantry build` and the daemon say to each other over the channels of `POST /gantry/build` (see channels.ts). */
import type { WireError } from './channels.ts';

/** Of the daemon's Gantry alone. */
export const buildSessionPath = '/gantry/build';

/** A context by its name; the main one is ''. `client`: its files are asked for over a channel; `key` is the same for the same directory of the same host. */
export type WireContext =
  | { kind: 'client'; key?: string }
  | { kind: 'image'; reference: string }
  | { kind: 'remote'; url: string }
  | { kind: 'oci-layout'; digest: string };

export interface WireCache {
  type: 'registry' | 'inline' | 'local' | 'oci';
  attributes: Record<string, string>;
}

/** Of `tar`, `docker`, `oci` and `local` the data comes back over a channel that names the output by its place in the list. */
export type WireOutput =
  | {
      kind: 'image';
      names: string[];
      push: boolean;
      isInsecure: boolean;
      annotations: Record<string, string>;
      attributes: Record<string, string>;
    }
  | {
      kind: 'tar' | 'docker' | 'oci';
      names: string[];
      annotations: Record<string, string>;
      attributes: Record<string, string>;
    }
  | { kind: 'local'; attributes: Record<string, string> }
  | { kind: 'none' };

export interface WireResources {
  memory: number;
  memorySwap: number;
  cpuShares: number;
  cpuPeriod: number;
  cpuQuota: number;
  cpusetCpus: string;
  cpusetMems: string;
  shmSize: number;
  ulimits: Array<{ name: string; soft: number; hard: number }>;
  cgroupParent: string;
}

/** The heading of the client's one channel; the daemon answers on it with `BuildLine`s. */
export interface WireBuild {
  open: 'build';
  id: string;
  /** Slash-separated, in the context, or alone in the context `dockerfile` where there is one. */
  dockerfile: string;
  contexts: Record<string, WireContext>;
  /** The Dockerfile, and its ignore file, are not in the main context: the client gives them. */
  hasDockerfile: boolean;
  target: string;
  buildArgs: Record<string, string>;
  labels: Record<string, string>;
  platforms: string[];
  noCache: boolean | string[];
  pull: boolean;
  networkMode: string;
  extraHosts: string[];
  resources: WireResources;
  entitlements: string[];
  sourceDateEpoch?: number;
  outputs: WireOutput[];
  cacheFrom: WireCache[];
  cacheTo: WireCache[];
  checkOnly: boolean;
  squash: boolean;
}

/** Headings of the daemon's channels. The client answers with bytes and an end, or an error (`not-found` for what it has not). */
export type WireAsk =
  /**
   * What a context holds, without what `ignore` leaves out. The client writes a line of JSON for each entry, `[path, mode, size, time, link]` (mode with
   * Go's bits, time in nanoseconds as text), and an empty line; the daemon a line with the numbers of the files it wants, in order; the client
   * their content, one after the other, each as long as it was listed.
   */
  | { open: 'sync'; context: string; ignore: string[]; paths?: string[] }
  /** `dockerfile`: of the context in which the Dockerfile is. */
  | { open: 'file'; context: string; path: string; isDockerfile: boolean }
  | { open: 'secret'; id: string }
  /** A connection to an SSH agent, in both directions. */
  | { open: 'ssh'; id: string }
  /** JSON of a login. */
  | { open: 'credentials'; host: string }
  /** The daemon writes; the client ends its half when all is stored. */
  | { open: 'output'; index: number }
  /** A blob of an OCI layout, or its `index.json`: of `contexts[name]`, or of `cacheFrom[index]` (`cacheTo` with `isExport`). */
  | { open: 'layout-read'; context?: string; index?: number; isExport?: boolean; digest: string }
  | { open: 'layout-write'; index: number; digest: string; size: number };

export interface WireVertex {
  digest: string;
  name: string;
  inputs: readonly string[];
  /** Milliseconds since 1970. */
  startedAt?: number;
  completedAt?: number;
  isCached?: boolean;
  missReason?: string;
  error?: string;
  lines?: readonly [number, number];
}

export interface WireWarning {
  rule: string;
  message: string;
  detail: string;
  url: string;
  fileName: string;
  lines: readonly [number, number];
  /** The whole Dockerfile. */
  source: string;
}

/** One line of the answer. */
export type BuildLine =
  | { vertex: WireVertex }
  /** `data` in base64. */
  | { log: { vertex: string; stream: 1 | 2; data: string; at: number } }
  | {
      progress: {
        vertex: string;
        id: string;
        name: string;
        current: number;
        total: number;
        startedAt?: number;
        completedAt?: number;
      };
    }
  | { warning: WireWarning }
  | { result: { imageId?: string; manifestDigest?: string; metadata: Record<string, string> } }
  /** `excerpt`: the Dockerfile's lines around what failed. */
  | { failure: WireError & { excerpt?: string; vertex?: string } };
