/** What the set of networks asks of a network, whatever makes its interfaces. */
import type { BridgeRules } from './firewall-types.ts';
import type { HostNetwork } from './host-network.ts';
import type { Bridge, Endpoint, PublishedPort } from './network-types.ts';

/** Its life: recorded endpoints are taken over when it is made; `forgetDead` and `raise` at each start; `retire` and `destroy` at its end. */
export interface DriverNetwork extends Bridge {
  /** What the firewall is to know of it; undefined for nothing. */
  readonly rules: BridgeRules | undefined;
  /** Makes or repairs what it has on the host. `host` spares a look. */
  raise(host?: HostNetwork): Promise<void>;
  /** For a new one: EngineError `failed-precondition` where the kernel or the host can't do it. */
  prove(): Promise<void>;
  /** Releases endpoints of containers not in `live`. */
  forgetDead(live: ReadonlySet<string>): Promise<void>;
  /** Takes over the ports of recorded endpoints. Returns those that another program uses too. */
  adoptPorts(): Promise<PublishedPort[]>;
  /** Changes the names of an endpoint, durably. Returns what it was. */
  note(containerId: string, changes: Partial<Pick<Endpoint, 'naming'>>): Endpoint | undefined;
  /** Lets go of what this process holds. */
  close(): Promise<void>;
  /** Nobody joins it any more. */
  retire(): void;
  /** Takes it all away, on the host too. */
  destroy(): Promise<void>;
}
