/** What the daemon knows of one guarded container: its rules, its places, and the addresses that it got to hear of. In memory. */
import { BoundedMap } from '../util/bounded-map.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { type EgressPolicy, matchesName, parseEgress, rangesOfName } from './egress-policy.ts';
import type { GuardedContainer, GuardedPlace } from './egress-script.ts';
import type { Endpoint, EndpointEgress } from './network-types.ts';

/** A network as its guarded containers see it. */
export interface GuardedNetwork {
  id: string;
  /** Name of its interface. */
  bridge: string;
  gateways: readonly string[];
  internal: boolean;
}

export interface Place {
  endpoint: Endpoint;
  network: GuardedNetwork;
}

/** An address is allowed for longer than its answer says: programs keep it, and a connection takes its time. */
const graceSeconds = 30;
/** What is left of an allowance where it is made anew: an answer's time and this. */
const marginSeconds = 5;
const longestSeconds = 7 * 24 * 3600;
const mostNames = 4096;
const mostAnswers = 256;
/** Questions that go on to other name servers. */
const questionsPerSecond = 20;
const questionsAtOnce = 100;

export class Guard {
  readonly containerId: string;
  readonly policy: EgressPolicy;
  readonly servers: readonly string[];
  readonly questions = new TokenBucket(questionsPerSecond, questionsAtOnce);
  /** Answers of a moment ago, by name, type and shape. */
  readonly answers = new BoundedMap<string, { answer: Buffer; until: number }>(mostAnswers);
  /** By endpoint. */
  readonly places = new Map<string, Place>();
  readonly #hosts: EndpointEgress['hosts'];
  /** When allowances end, by range and address: milliseconds as of `performance.now`. */
  readonly #until = new Map<string, { index: number; address: string; until: number }>();
  readonly #names = new BoundedMap<string, string>(mostNames);

  constructor(containerId: string, { allow, hosts, servers }: EndpointEgress) {
    this.containerId = containerId;
    this.policy = parseEgress(allow);
    this.servers = servers;
    this.#hosts = hosts;
  }

  /** Nothing of it reaches the outside by any of its networks. */
  get isInternal(): boolean {
    return [...this.places.values()].every(({ network }) => network.internal);
  }

  /** Positions of the port ranges on which a name is allowed; none where it is not. */
  rangesOf(name: string): number[] {
    return rangesOfName(this.policy, name);
  }

  /** The name under which the container knows an address; '' for none. */
  nameOf(address: string): string {
    return this.#names.get(address) ?? '';
  }

  /** Which allowances must be made in the kernel for an answer, and for how many seconds; nothing where they are long enough. */
  missing(
    name: string,
    addresses: readonly string[],
    ttl: number,
    now = performance.now(),
  ): { index: number; addresses: string[]; seconds: number }[] {
    const seconds = Math.min(longestSeconds, Math.max(0, Math.ceil(ttl))) + graceSeconds;
    return this.rangesOf(name).flatMap((index) => {
      const late = addresses.filter((address) => {
        const { until = 0 } = this.#until.get(`${index} ${address}`) ?? {};
        return until - now < (seconds - graceSeconds + marginSeconds) * 1000;
      });
      return late.length === 0 ? [] : [{ index, addresses: late, seconds }];
    });
  }

  /** They are in the kernel now. */
  learned(name: string, made: ReturnType<Guard['missing']>, now = performance.now()): void {
    for (const { index, addresses, seconds } of made) {
      for (const address of addresses) {
        this.#until.set(`${index} ${address}`, { index, address, until: now + seconds * 1000 });
        this.#names.set(address, name);
      }
    }
    if (this.#until.size > mostNames)
      for (const [key, { until }] of this.#until) if (until <= now) this.#until.delete(key);
  }

  /** What would be missing in a new table. */
  allowances(now = performance.now()): { index: number; address: string; seconds: number }[] {
    return [...this.#until.values()].flatMap(({ index, address, until }) =>
      until - now < 1000 ? [] : [{ index, address, seconds: Math.round((until - now) / 1000) }],
    );
  }

  /** True if it was allowed by a name. */
  forget(address: string): boolean {
    const keys = [...this.#until].filter(([, one]) => one.address === address).map(([key]) => key);
    for (const key of keys) this.#until.delete(key);
    return keys.length > 0;
  }

  /** As the rules need it. `names` tells where a network's names are answered, `macOf` a bridge's address; `of` are all its places unless told. */
  container(
    names: (network: GuardedNetwork) => GuardedPlace['names'],
    macOf: (bridge: string) => string | undefined,
    of: readonly Place[] = [...this.places.values()],
  ): GuardedContainer {
    const { containerId, policy } = this;
    const places = of.flatMap(({ endpoint, network }) => {
      const bridgeMac = macOf(network.bridge);
      return bridgeMac === undefined
        ? []
        : [{ endpoint, bridge: network.bridge, bridgeMac, names: names(network) }];
    });
    return { containerId, policy, pinned: this.#pinned(), places };
  }

  #pinned(): GuardedContainer['pinned'] {
    return this.policy.rules.flatMap((rule) =>
      Object.entries(this.#hosts)
        .filter(([name]) => matchesName(rule, name))
        .flatMap(([, addresses]) =>
          addresses.map((address) => ({
            address,
            protocol: rule.protocol,
            first: rule.first,
            last: rule.last,
          })),
        ),
    );
  }
}
