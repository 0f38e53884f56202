/** Answers the questions of guarded containers: names that they may reach, and no others, which nobody else gets to hear of. */
import { createHash } from 'node:crypto';
import { errnoOf, messageOf } from '../errors/engine-error.ts';
import type { Guard, GuardedNetwork } from './egress-guard.ts';
import { addressesFor, answerTo, isOuterAddress, isPassedType, ownQuery, plainName } from './egress-query.ts';
import { presentAddresses } from './endpoint-addresses.ts';
import type { HostResolvers } from './names/host-resolvers.ts';
import type { NameForwarder, NameProtocol } from './names/name-forwarder.ts';
import {
  codeOf,
  encodeReply,
  failureReply,
  type NameQuery,
  type NameReply,
  parseQuery,
  rcode,
} from './names/name-message.ts';
import { type Listening, listenTcp, listenUdp } from './names/name-server.ts';

export interface EgressNamesOptions {
  resolvers: Pick<HostResolvers, 'servers'>;
  forwarder: Pick<NameForwarder, 'forward'>;
  /** What the networks of whoever has this address know of a question; undefined for what somebody else may know. */
  known: (networkId: string, address: string, query: NameQuery) => NameReply | undefined;
  guardAt: (networkId: string, address: string) => Guard | undefined;
  /** Resolves when the container may reach the addresses. */
  learn: (guard: Guard, name: string, addresses: readonly string[], ttl: number) => Promise<void>;
  /** Is this an address of the host, or of a network of its containers? */
  isOwn: (address: string) => boolean;
  refused: (guard: Guard, networkId: string, name: string) => void;
  warn: (message: string, hint: string) => void;
}

const protocols = ['udp', 'tcp'] as const;
/** The same port at each start, if it is free: what the kernel knows of a question on its way stays right. */
const firstPort = 20_000;
const ports = 10_000;
const tries = 8;
/** A TCP message has at most this (RFC 1035, 4.2.2). */
const tcpSize = 65_535;
/** How long an answer serves for the same question; shorter than the margin with which addresses are allowed. */
const keptMs = 3000;
/** Names of containers are answered with "don't keep it": so long may one connect all the same. Its end takes the allowance away. */
const neighbourSeconds = 3600;

export class EgressNames {
  readonly #options: EgressNamesOptions;
  readonly #listening = new Map<string, Listening>();

  constructor(options: EgressNamesOptions) {
    this.#options = options;
  }

  /** Listens on a network's gateways, where it does not yet. */
  async open({ id, gateways }: GuardedNetwork): Promise<void> {
    for (const gateway of gateways)
      for (const protocol of protocols) await this.#listen(id, gateway, protocol);
  }

  async shut({ gateways }: GuardedNetwork): Promise<void> {
    for (const gateway of gateways) {
      for (const protocol of protocols) {
        const key = `${protocol} ${gateway}`;
        const listening = this.#listening.get(key);
        this.#listening.delete(key);
        await listening?.close();
      }
    }
  }

  async close(): Promise<void> {
    const all = [...this.#listening.values()];
    this.#listening.clear();
    await Promise.all(all.map((one) => one.close()));
  }

  /** Where a network's names are answered. */
  places({ gateways }: GuardedNetwork): Array<{ gateway: string; protocol: NameProtocol; port: number }> {
    return gateways.flatMap((gateway) =>
      protocols.flatMap((protocol) => {
        const port = this.#listening.get(`${protocol} ${gateway}`)?.port;
        return port === undefined ? [] : [{ gateway, protocol, port }];
      }),
    );
  }

  async #listen(networkId: string, gateway: string, protocol: NameProtocol): Promise<void> {
    const key = `${protocol} ${gateway}`;
    if (this.#listening.has(key)) return;
    const answer = (message: Buffer, address: string, by: NameProtocol): Promise<Buffer | undefined> =>
      this.#answer(networkId, message, address.replace(/%.*$/, ''), by).catch(() => undefined);
    const listen = protocol === 'udp' ? listenUdp : listenTcp;
    try {
      const seed = createHash('sha256').update(gateway).digest().readUInt32BE(0);
      this.#listening.set(
        key,
        await firstFree(firstPort + (seed % ports), (port) => listen(gateway, port, answer)),
      );
    } catch (error) {
      // At start-up the bridge may not be there yet: whoever raises it opens again.
      if (errnoOf(error) === 'EADDRNOTAVAIL') return;
      this.#options.warn(
        `containers with egress rules get no names on ${gateway} (${protocol}): ${messageOf(error)}`,
        'find out what keeps the daemon from listening there (ss -lnp), and start it anew',
      );
    }
  }

  async #answer(
    networkId: string,
    message: Buffer,
    address: string,
    protocol: NameProtocol,
  ): Promise<Buffer | undefined> {
    const guard = this.#options.guardAt(networkId, address);
    const query = parseQuery(message);
    if (guard === undefined || query === undefined) return undefined;
    if (query.fault !== undefined) return failureReply(query, query.fault);
    const size = protocol === 'udp' ? query.udpSize : tcpSize;
    const known = this.#known(guard, networkId, address, query);
    if (query.type === 'PTR' && known !== undefined) return encodeReply(query, known, size);
    const name = plainName(query.name);
    if (name === undefined || guard.rangesOf(name).length === 0) {
      this.#options.refused(guard, networkId, query.name);
      return failureReply(query, rcode.noSuchName);
    }
    if (known !== undefined) {
      await this.#options.learn(guard, name, known.addresses ?? [], neighbourSeconds);
      return encodeReply(query, known, size);
    }
    if (guard.isInternal) return failureReply(query, rcode.noSuchName);
    if (!isPassedType(query)) return encodeReply(query, { code: rcode.ok }, size);
    const answer = await this.#ask(guard, query, name, protocol);
    if (answer === undefined) return failureReply(query, rcode.serverFailure);
    return answerTo(query, answer, size);
  }

  /** By any of its networks, the one that was asked first. */
  #known(guard: Guard, networkId: string, address: string, query: NameQuery): NameReply | undefined {
    const own = this.#options.known(networkId, address, query);
    if (own !== undefined) return own;
    for (const { endpoint, network } of guard.places.values()) {
      const reply = this.#options.known(network.id, presentAddresses(endpoint)[0] ?? '', query);
      if (reply !== undefined) return reply;
    }
    return undefined;
  }

  /** The container may reach what the answer says before it hears it. */
  async #ask(
    guard: Guard,
    query: NameQuery,
    name: string,
    protocol: NameProtocol,
  ): Promise<Buffer | undefined> {
    const key = `${name} ${query.type} ${protocol} ${query.hasOptions}`;
    const kept = guard.answers.get(key);
    if (kept !== undefined && kept.until > performance.now()) return kept.answer;
    if (!guard.questions.take()) return undefined;
    const servers = guard.servers.length > 0 ? guard.servers : await this.#options.resolvers.servers();
    const answer = await this.#options.forwarder.forward(ownQuery(query, name), servers, protocol);
    if (answer === undefined) return undefined;
    const { addresses, ttl } = addressesFor(name, answer);
    const outer = addresses.filter((address) => isOuterAddress(address) && !this.#options.isOwn(address));
    if (outer.length > 0) await this.#options.learn(guard, name, outer, ttl);
    if (codeOf(answer) === rcode.ok && ttl * 1000 >= keptMs)
      guard.answers.set(key, { answer, until: performance.now() + keptMs });
    return answer;
  }
}

async function firstFree(
  preferred: number,
  listen: (port: number) => Promise<Listening>,
): Promise<Listening> {
  for (let port = preferred; port < preferred + tries; port += 1) {
    try {
      return await listen(port);
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE') throw error;
    }
  }
  return listen(0);
}
