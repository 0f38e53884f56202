/** Tells of what was refused to containers, each thing once in a while and not too much of it. */
import { BoundedMap } from '../util/bounded-map.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { refusalSeconds } from './egress-script.ts';

/** Something that a container wanted to reach and may not. */
export interface EgressRefusal {
  containerId: string;
  networkId: string;
  /** The address; '' where a name was refused. */
  destination: string;
  port: number | undefined;
  /** `tcp`, `udp`, `icmp`, …; `dns` for a name. */
  protocol: string;
  /** The name that was asked for, or under which the address is known to the container. */
  name: string;
}

const perSecond = 10;
const atOnce = 50;
const mostRemembered = 8192;

export class RefusalReports {
  readonly #tell: (refusal: EgressRefusal) => void;
  readonly #told = new BoundedMap<string, number>(mostRemembered);
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(tell: (refusal: EgressRefusal) => void) {
    this.#tell = tell;
  }

  /** The same is told once in a minute. */
  report(refusal: EgressRefusal, now = performance.now()): void {
    const { containerId, destination, port, protocol, name } = refusal;
    const key = [containerId, protocol, destination, port ?? '', destination === '' ? name : ''].join(' ');
    const last = this.#told.get(key);
    if (last !== undefined && now - last < refusalSeconds * 1000) return;
    const bucket = this.#buckets.get(containerId) ?? new TokenBucket(perSecond, atOnce, now);
    this.#buckets.set(containerId, bucket);
    if (!bucket.take(now)) return;
    this.#told.set(key, now);
    this.#tell(refusal);
  }

  forget(containerId: string): void {
    this.#buckets.delete(containerId);
  }
}
