/** Which ports of the host belong to which container: claims them, finds free ones, says in Docker's words what is taken. */
import { isIPv6 } from 'node:net';
import { EngineError, errnoOf, isEngineError, messageOf } from '../errors/engine-error.ts';
import { isUnspecified } from './ip-address.ts';
import type { PortProtocol, PortRequest, PublishedPort } from './network-types.ts';
import { type HeldPort, holdPort, type PortToHold } from './port-sockets.ts';

/** Where a container's ports are reached. */
export interface PortAddresses {
  /** '' for none. */
  ipAddress: string;
  ipv6Address?: string;
  /** The only sources that may reach them. */
  publishFrom?: readonly string[];
}

export interface PortTarget extends PortAddresses {
  /** Families whose ports are not published on the host, but open at the container's own address. */
  routed?: { ipv4: boolean; ipv6: boolean };
  /** For requests that name no host address: `0.0.0.0` is all of both families. */
  defaultAddress: string;
}

interface HoldingTarget extends PortTarget {
  /** What is claimed for the same container already, and no request has got yet. */
  held: readonly PublishedPort[];
}

export interface PortRange {
  first: number;
  last: number;
}

interface Claim extends PublishedPort {
  held?: HeldPort;
  /** Where connections go that the socket passes on; changed in place. */
  passesTo?: PortToHold['target'];
}

/** Asked where a port is taken: true if whoever has it made room. */
export type MakeRoom = (port: Pick<PublishedPort, 'hostIp' | 'hostPort'>) => Promise<boolean>;

const reasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EACCES: 'permission denied',
};

/**
 * One entry per published port, in memory. A claim is entered before its socket is bound, so that concurrent requests never get
 * the same one; it goes again if anything fails.
 */
export class HostPorts {
  readonly #ephemeral: PortRange;
  /** By protocol and port: the addresses claimed. */
  readonly #claims = new Map<string, Claim[]>();
  readonly #makeRoom: MakeRoom;
  #nextEphemeral: number;

  constructor(ephemeral: PortRange, makeRoom: MakeRoom = () => Promise.resolve(false)) {
    this.#ephemeral = ephemeral;
    this.#makeRoom = makeRoom;
    this.#nextEphemeral = ephemeral.first;
  }

  /**
   * Claims a port for each request, or none at all. EngineError `internal` in Docker's words where one is taken. Of `held`, which is claimed for the same
   * container, what fits is kept; the rest is the caller's to release.
   */
  async claim(
    requests: readonly PortRequest[],
    target: PortTarget,
    held: readonly PublishedPort[] = [],
  ): Promise<PublishedPort[]> {
    const done: PublishedPort[] = [];
    const holding: HoldingTarget = { ...target, held };
    try {
      // Fixed ports first: a range or a random port must not take what a later request names.
      for (const request of [...requests].sort((a, b) => freedomOf(a) - freedomOf(b))) {
        const addresses = addressesOf(request, target);
        const onHost = addresses.filter((address) => !isRouted(address, target));
        if (onHost.length > 0) done.push(...(await this.#claimOne(request, holding, onHost)));
        done.push(...routedPorts(request, target, addresses));
      }
      return done.map(publishedPort);
    } catch (error) {
      await this.release(withoutPorts(done, held));
      throw error;
    }
  }

  /** Takes over the ports of a recorded endpoint. Returns those that another program holds now. */
  async adopt(ports: readonly PublishedPort[], target: PortAddresses): Promise<PublishedPort[]> {
    const foreign: PublishedPort[] = [];
    for (const port of ports.filter(isOnHost)) {
      const claim: Claim = { ...port };
      this.#enter(claim);
      try {
        await this.#hold(claim, target);
      } catch {
        foreign.push(port);
      }
    }
    return foreign;
  }

  /** The ports' container is reached by other addresses now. */
  retarget(ports: readonly PublishedPort[], target: PortAddresses): void {
    for (const port of ports) {
      const passesTo = this.#find(port)?.passesTo;
      if (passesTo !== undefined) passesTo.address = toHold(port, target).target.address;
    }
  }

  async release(ports: readonly PublishedPort[]): Promise<void> {
    for (const port of ports) {
      const key = keyOf(port.protocol, port.hostPort);
      const entries = this.#claims.get(key) ?? [];
      const claim = this.#find(port);
      if (claim === undefined) continue;
      await claim.held?.close();
      const rest = entries.filter((entry) => entry !== claim);
      if (rest.length === 0) this.#claims.delete(key);
      else this.#claims.set(key, rest);
    }
  }

  async #claimOne(
    request: PortRequest,
    target: HoldingTarget,
    addresses: readonly string[],
  ): Promise<PublishedPort[]> {
    let failure: unknown;
    for (const port of this.#candidates(request, target.held)) {
      try {
        return await this.#claimPort(request, addresses, port, target);
      } catch (error) {
        if (!isTaken(error)) throw error;
        failure = error;
      }
    }
    if (freedomOf(request) === 1) throw failure;
    throw new EngineError(
      'internal',
      `Bind for ${addresses[0]}:${request.hostPortFirst} failed: all ports are allocated`,
      {
        cause: failure,
        hint: 'free a port of the range, or give a larger one',
      },
    );
  }

  /** Claims one port on all the addresses, or on none. */
  async #claimPort(
    request: PortRequest,
    addresses: readonly string[],
    port: number,
    target: HoldingTarget,
  ): Promise<PublishedPort[]> {
    const { containerPort, protocol } = request;
    const wanted: Claim[] = addresses.map((hostIp) => ({ containerPort, protocol, hostIp, hostPort: port }));
    const claims = withoutPorts(wanted, target.held);
    const kept = withoutPorts(wanted, claims);
    // Another address of the same port: it gives way.
    await this.release(target.held.filter((one) => claims.some((claim) => excludes(one, claim))));
    for (const claim of claims) this.#requireFree(claim);
    for (const claim of claims) this.#enter(claim);
    try {
      for (const claim of claims) await this.#bind(claim, target);
      target.held = withoutPorts(target.held, kept);
      return wanted;
    } catch (error) {
      await this.release(claims);
      throw error;
    }
  }

  #find(port: PublishedPort): Claim | undefined {
    const entries = this.#claims.get(keyOf(port.protocol, port.hostPort)) ?? [];
    return entries.find((entry) => entry.hostIp === port.hostIp);
  }

  async #hold(claim: Claim, target: PortAddresses): Promise<void> {
    const hold = toHold(claim, target);
    claim.passesTo = hold.target;
    try {
      claim.held = await holdPort(hold);
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE' || !(await this.#makeRoom(claim))) throw error;
      claim.held = await holdPort(hold);
    }
  }

  async #bind(claim: Claim, target: PortTarget): Promise<void> {
    try {
      await this.#hold(claim, target);
    } catch (error) {
      const inside = bracketed(toHold(claim, target).target.address);
      const where = `${bracketed(claim.hostIp)}:${claim.hostPort}:${inside}:${claim.containerPort}/${claim.protocol}`;
      const reason = reasons[errnoOf(error) ?? ''] ?? messageOf(error);
      throw new EngineError('internal', `failed to bind host port for ${where}: ${reason}`, {
        cause: error,
        hint: hintFor(errnoOf(error), claim),
        details: { taken: errnoOf(error) === 'EADDRINUSE' },
      });
    }
  }

  #requireFree(port: PublishedPort): void {
    const entries = this.#claims.get(keyOf(port.protocol, port.hostPort)) ?? [];
    if (!entries.some((entry) => excludes(entry, port))) return;
    throw new EngineError(
      'internal',
      `Bind for ${port.hostIp}:${port.hostPort} failed: port is already allocated`,
      {
        hint: 'stop the container that publishes it, or publish another host port',
        details: { taken: true },
      },
    );
  }

  #enter(claim: Claim): void {
    const key = keyOf(claim.protocol, claim.hostPort);
    this.#claims.set(key, [...(this.#claims.get(key) ?? []), claim]);
  }

  *#candidates(request: PortRequest, held: readonly PublishedPort[]): Generator<number> {
    // A random port, or one of a range, stays what it was.
    yield* held.filter((one) => mayBe(one, request)).map(({ hostPort }) => hostPort);
    if (request.hostPortFirst > 0) {
      for (let port = request.hostPortFirst; port <= request.hostPortLast; port += 1) yield port;
      return;
    }
    const { first, last } = this.#ephemeral;
    for (let step = first; step <= last; step += 1) {
      const port = this.#nextEphemeral;
      this.#nextEphemeral = port >= last ? first : port + 1;
      yield port;
    }
  }
}

/** Those of `ports` that are not among `others`. */
export function withoutPorts<P extends PublishedPort>(
  ports: readonly P[],
  others: readonly PublishedPort[],
): P[] {
  return ports.filter(
    (one) => !others.some((other) => isSamePort(one, other) && one.hostIp === other.hostIp),
  );
}

function isSamePort(one: PublishedPort, other: PublishedPort): boolean {
  return one.hostPort === other.hostPort && one.protocol === other.protocol;
}

/** Can't the two be there at once? */
function excludes(one: PublishedPort, other: PublishedPort): boolean {
  return isSamePort(one, other) && addressesCollide(one.hostIp, other.hostIp);
}

/** Might it be what answers a request? */
function mayBe(port: PublishedPort, request: PortRequest): boolean {
  const { containerPort, protocol, hostPort } = port;
  if (containerPort !== request.containerPort || protocol !== request.protocol || hostPort === 0)
    return false;
  return (
    request.hostPortFirst === 0 || (hostPort >= request.hostPortFirst && hostPort <= request.hostPortLast)
  );
}

function toHold(port: PublishedPort, { ipAddress, ipv6Address, publishFrom }: PortAddresses): PortToHold {
  const address = isIPv6(port.hostIp) ? (ipv6Address ?? ipAddress) : ipAddress;
  const target = { address, port: port.containerPort };
  return {
    protocol: port.protocol,
    address: port.hostIp,
    port: port.hostPort,
    target,
    ...(publishFrom === undefined ? {} : { publishFrom }),
  };
}

/** A random port: freer than any range. */
const anyPort = 0x10000;

/** How many ports a request may get. */
function freedomOf(request: PortRequest): number {
  return request.hostPortFirst === 0 ? anyPort : request.hostPortLast - request.hostPortFirst + 1;
}

/** The host addresses of a request. EngineError `invalid-argument` for one of a family that the container has not. */
function addressesOf(request: PortRequest, target: PortTarget): string[] {
  const has = (address: string): boolean =>
    isIPv6(address) ? target.ipv6Address !== undefined : target.ipAddress !== '';
  const address = request.hostIp === '' ? target.defaultAddress : request.hostIp;
  if (request.hostIp === '' && address === '0.0.0.0') return ['0.0.0.0', '::'].filter(has);
  if (has(address)) return [address];
  const [family, other] = isIPv6(address) ? ['IPv6', 'IPv4'] : ['IPv4', 'IPv6'];
  throw new EngineError(
    'invalid-argument',
    `cannot publish on ${bracketed(address)}:${request.hostPortFirst}: the network has no ${family}`,
    { hint: `use a network that has ${family}, or publish on an ${other} address` },
  );
}

function isRouted(address: string, { routed }: PortTarget): boolean {
  return (isIPv6(address) ? routed?.ipv6 : routed?.ipv4) === true;
}

/** Once for each family: neither host's address nor host's port matter. */
function routedPorts(
  { containerPort, protocol }: PortRequest,
  target: PortTarget,
  addresses: readonly string[],
): Claim[] {
  const routed = addresses.filter((address) => isRouted(address, target));
  const families = new Set(routed.map((address) => (isIPv6(address) ? '::' : '0.0.0.0')));
  return [...families].map((hostIp) => ({ containerPort, protocol, hostIp, hostPort: 0 }));
}

/** Else it is open at the container's own address alone. */
function isOnHost({ hostPort }: PublishedPort): boolean {
  return hostPort !== 0;
}

function hintFor(errno: string | undefined, port: PublishedPort): string {
  if (errno === 'EADDRNOTAVAIL') return `give an address that the host has (${port.hostIp} is none of its)`;
  return `end the program that uses port ${port.hostPort} (ss -lnp shows it), or publish another host port`;
}

/** Might another port of the range do? */
function isTaken(error: unknown): boolean {
  return isEngineError(error) && error.details['taken'] === true;
}

/** Do two host addresses of one port exclude each other? All of a family includes each of it. */
function addressesCollide(a: string, b: string): boolean {
  if (isIPv6(a) !== isIPv6(b)) return false;
  return a === b || isUnspecified(a) || isUnspecified(b);
}

function bracketed(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

function keyOf(protocol: PortProtocol, port: number): string {
  return `${protocol}/${port}`;
}

function publishedPort({ containerPort, protocol, hostIp, hostPort }: Claim): PublishedPort {
  return { containerPort, protocol, hostIp, hostPort };
}
