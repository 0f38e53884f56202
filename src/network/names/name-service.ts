/** The name service of the user-defined networks: on each gateway address, for the containers of that network. */
import { errnoOf, messageOf } from '../../errors/engine-error.ts';
import type { Firewall } from '../firewall.ts';
import { isUnspecified } from '../ip-address.ts';
import type { Endpoint, PublishedPort } from '../network-types.ts';
import { HostAddresses } from './host-addresses.ts';
import type { HostResolvers } from './host-resolvers.ts';
import type { InsideNames } from './inside-names.ts';
import type { NameForwarder, NameProtocol } from './name-forwarder.ts';
import {
  addressOfPointer,
  encodeReply,
  failureReply,
  type NameQuery,
  type NameReply,
  parseQuery,
  rcode,
} from './name-message.ts';
import { type AnswerQuery, type Listening, listenTcp, listenUdp } from './name-server.ts';
import { type Asker, NameZone, type ZoneNetwork } from './name-zone.ts';

export interface NameServiceOptions {
  firewall: Firewall;
  resolvers: HostResolvers;
  forwarder: NameForwarder;
  /** The listeners in containers' own namespaces. */
  inside: InsideNames;
  warn: (message: string, hint: string) => void;
}

interface ServedNetwork {
  gateways: readonly string[];
  /** By protocol and gateway. */
  listening: Map<string, Listening>;
}

const usualPort = 53;
const protocols = ['udp', 'tcp'] as const;
/** A TCP message has at most this (RFC 1035, 4.2.2). */
const tcpSize = 65_535;

/**
 * Listens on port 53 of the gateways. Where somebody has that port on all addresses, it listens on another one, and the firewall redirects.
 */
export class NameService {
  readonly #options: NameServiceOptions;
  readonly #zone = new NameZone();
  readonly #networks = new Map<string, ServedNetwork>();
  readonly #hostAddresses = new HostAddresses();
  /** Somebody else has port 53. */
  #elsewhere = false;

  constructor(options: NameServiceOptions) {
    this.#options = options;
  }

  addNetwork(network: ZoneNetwork, gateways: readonly string[]): void {
    this.#zone.addNetwork(network);
    this.#networks.set(network.id, { gateways, listening: new Map() });
  }

  add(endpoint: Endpoint): void {
    this.#zone.add(endpoint);
  }

  remove(endpoint: Endpoint): void {
    this.#zone.remove(endpoint);
  }

  silence(containerId: string): void {
    this.#zone.silence(containerId);
    // A socket in its namespace would keep that alive.
    this.#options.inside.close(containerId).catch(() => undefined);
  }

  /** Lets a container ask at 127.0.0.11 in its network namespace. What keeps it from that is told, and is not the container's end. */
  async openInside(containerId: string, netns: string): Promise<void> {
    const answer: AnswerQuery = (message, _address, by) =>
      this.#reply(this.#zone.insideAsker(containerId), message, by).catch(() => undefined);
    await this.#options.inside.open(containerId, netns, answer).catch((error: unknown) => {
      this.#options.warn(
        `a container can't ask for names: ${messageOf(error)}`,
        'find out what keeps it from that, and start the container anew',
      );
    });
  }

  closeInside(containerId: string): Promise<void> {
    return this.#options.inside.close(containerId);
  }

  /** Listens on a network's gateways, where it does not yet. Call it once the bridge has its addresses. */
  async open(id: string): Promise<void> {
    const network = this.#networks.get(id);
    if (network === undefined) return;
    for (const gateway of network.gateways) {
      for (const protocol of protocols) await this.#listen(id, network, gateway, protocol);
    }
  }

  async removeNetwork(id: string): Promise<void> {
    const network = this.#networks.get(id);
    this.#networks.delete(id);
    this.#zone.removeNetwork(id);
    if (network !== undefined) await this.#closeAll(network);
  }

  /** A container publishes port 53 on an address that is listened on: true if it is free now. */
  async makeRoom({ hostIp, hostPort }: Pick<PublishedPort, 'hostIp' | 'hostPort'>): Promise<boolean> {
    if (hostPort !== usualPort || !isUnspecified(hostIp) || this.#elsewhere) return false;
    this.#elsewhere = true;
    for (const [id, network] of this.#networks) {
      await this.#closeAll(network);
      await this.open(id);
    }
    return true;
  }

  async close(): Promise<void> {
    const all = [...this.#networks.values()];
    this.#networks.clear();
    await this.#options.inside.closeAll();
    await Promise.all(all.flatMap(({ listening }) => [...listening.values()].map((one) => one.close())));
  }

  async #closeAll(network: ServedNetwork): Promise<void> {
    const open = [...network.listening.values()];
    network.listening.clear();
    await Promise.all(open.map((one) => one.close()));
    for (const gateway of network.gateways)
      for (const protocol of protocols) await this.#options.firewall.endRedirect(gateway, protocol);
  }

  async #listen(id: string, network: ServedNetwork, gateway: string, protocol: NameProtocol): Promise<void> {
    const key = `${protocol} ${gateway}`;
    if (network.listening.has(key)) return;
    const listen = protocol === 'udp' ? listenUdp : listenTcp;
    const answer = (message: Buffer, address: string, by: NameProtocol): Promise<Buffer | undefined> =>
      // Whatever somebody sends must not be the daemon's end.
      this.#answer(id, message, address, by).catch(() => undefined);
    try {
      const listening = await this.#bind((port) => listen(gateway, port, answer));
      network.listening.set(key, listening);
      if (listening.port !== usualPort)
        await this.#options.firewall.redirect({ address: gateway, protocol, port: listening.port });
    } catch (error) {
      // At start-up the bridge may not be there yet: whoever raises it opens again.
      if (errnoOf(error) === 'EADDRNOTAVAIL') return;
      this.#options.warn(
        `the name service can't listen on ${gateway} (${protocol}): ${messageOf(error)}`,
        'find out what keeps it from that (ss -lnp), and start the daemon anew',
      );
    }
  }

  async #bind(listen: (port: number) => Promise<Listening>): Promise<Listening> {
    if (this.#elsewhere) return listen(0);
    try {
      return await listen(usualPort);
    } catch (error) {
      if (errnoOf(error) !== 'EADDRINUSE') throw error;
      return listen(0);
    }
  }

  #answer(
    networkId: string,
    message: Buffer,
    address: string,
    protocol: NameProtocol,
  ): Promise<Buffer | undefined> {
    const asker = this.#zone.asker(networkId, address, (one) => this.#hostAddresses.has(one));
    return this.#reply(asker, message, protocol);
  }

  async #reply(
    asker: Asker | undefined,
    message: Buffer,
    protocol: NameProtocol,
  ): Promise<Buffer | undefined> {
    const query = parseQuery(message);
    if (query === undefined || asker === undefined) return undefined;
    if (query.fault !== undefined) return failureReply(query, query.fault);
    const reply = this.#own(asker, query);
    if (reply === undefined) return this.#forward(asker, query, protocol);
    return encodeReply(query, reply, protocol === 'udp' ? query.udpSize : tcpSize);
  }

  /** What the networks of whoever has an address on one of them know of a question; undefined for what somebody else may know. */
  known(networkId: string, address: string, query: NameQuery): NameReply | undefined {
    const asker = this.#zone.asker(networkId, address, () => false);
    return asker === undefined ? undefined : this.#own(asker, query);
  }

  /** What is known here; undefined for what somebody else may know. A name of ours has no records but addresses. */
  #own(asker: Asker, { name, type }: NameQuery): NameReply | undefined {
    if (type === 'PTR') return this.#pointer(asker, name);
    const addresses = this.#zone.resolve(asker, name, type === 'AAAA' ? 6 : 4);
    if (addresses === undefined) return undefined;
    return { code: rcode.ok, addresses: type === 'A' || type === 'AAAA' ? addresses : [] };
  }

  #pointer(asker: Asker, name: string): NameReply | undefined {
    const address = addressOfPointer(name);
    const pointer = address === undefined ? undefined : this.#zone.reverse(asker, address);
    if (pointer === undefined) return undefined;
    return pointer === null ? { code: rcode.noSuchName } : { code: rcode.ok, pointer };
  }

  /** From a container whose networks are all internal nothing goes out, questions neither. */
  async #forward(asker: Asker, query: NameQuery, protocol: NameProtocol): Promise<Buffer> {
    if (asker.networks.every(({ internal }) => internal)) return failureReply(query, rcode.noSuchName);
    const asked = asker.endpoints.flatMap(({ naming }) => naming?.servers ?? []);
    const servers = asked.length > 0 ? [...new Set(asked)] : await this.#options.resolvers.servers();
    const answer = await this.#options.forwarder.forward(query.bytes, servers, protocol);
    return answer ?? failureReply(query, rcode.serverFailure);
  }
}
