/** How a container's interface is made by a shim: prepared by the network room, carried out by the native part. */

/** rtnetlink messages that make the container's interface (complete messages with NLM_F_ACK). */
export interface NetworkSetup {
  /** Sent first of all, in the daemon's namespace; only for a container that runs already. */
  before?: readonly Uint8Array[];
  /** Sent in the new network namespace, in order. IFLA_NET_NS_FD of 8 means the daemon's own namespace (the shim holds it as descriptor 8). */
  inside: readonly Uint8Array[];
  /** Then sent in the daemon's namespace. */
  outside: readonly Uint8Array[];
  /** Kernel parameters written in the new namespace before `inside` is sent (`conf/default` is what a new interface copies): path below /proc/sys/net to value. */
  sysctls?: Readonly<Record<string, string>>;
}
