/** What a pull-through cache is told of one upstream. */

export interface UpstreamOptions {
  /** In messages; the host of `remoteUrl` unless told. */
  name?: string;
  /** `https://registry-1.docker.io`; HTTP where it says so. */
  remoteUrl: string;
  /** Sent to this registry and to the token server that it names, and to nobody else. */
  username?: string;
  password?: string;
  /** Milliseconds after which what nobody pulled is purged; 0 for never, a week unless told. */
  ttl?: number;
  /** Milliseconds for which a tag is served without asking the upstream whether it moved; a minute unless told, `ttl` at most. */
  revalidate?: number;
  /** Repositories of the upstream are seen below this name; '' for their own names. */
  prefix?: string;
  /** Patterns of repositories, as clients name them, that it serves; all below `prefix` unless told. */
  repositories?: readonly string[];
  /** Hosts by which containerd's `?ns=` asks for it. */
  namespaces?: readonly string[];
  /** File of the authorities (PEM) that vouch for it, beside the host's. */
  ca?: string;
  /** Its certificate is not checked. */
  insecure?: boolean;
}

const day = 24 * 3_600_000;
export const defaultTtl = 7 * day;
export const defaultRevalidate = 60_000;
