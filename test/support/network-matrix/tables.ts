/** What the matrix asks: tables of cells, each a question of one machine or container to another. */
import type { Agent } from './agents.ts';
import { addresses } from './wire.ts';

export type Family = 4 | 6;

/** Not asked where `undefined`. */
export type Cell = { asker: Agent; server: Agent; family: Family; host: string; port: number } | undefined;

export interface Row {
  asked: string;
  cells: Cell[];
}

export interface Table {
  title: string;
  columns: readonly string[];
  rows: Row[];
}

/** Who asks a container, in the order of the columns. */
export interface Askers {
  client: Agent;
  neighbour: Agent;
  host: Agent;
  /** On the same network. */
  peer?: Agent;
  /** On another network. */
  elsewhere?: Agent;
  itself?: Agent;
}

const columns = ['client', 'neighbour', 'host', 'same network', 'other network', 'itself'] as const;
const order = ['client', 'neighbour', 'host', 'peer', 'elsewhere', 'itself'] as const;
type Who = (typeof order)[number];
const routed: readonly Who[] = ['client', 'neighbour', 'host'];

/** Ports in the container; the port of the host is the same above the kind's base. */
export const ports = {
  unpublished: 80,
  everywhere: 81,
  localhost: 82,
  oneAddress: 83,
  everywhere4: 84,
  everywhere6: 85,
  localhost6: 86,
  oneAddress6: 87,
  joined: 88,
  limited: 89,
} as const;

export const allPorts: readonly number[] = Object.values(ports);

export function ownAddress(agent: Agent, family: Family): string | undefined {
  const own = agent.addresses.filter((one) => one !== '::1' && !one.startsWith('127.'));
  return own.find((one) => one.includes(':') === (family === 6));
}

/** One container that is asked; `base` is added to its ports where the host is asked for them. */
export class Subject {
  readonly rows: Row[] = [];
  readonly #askers: Askers;
  readonly #server: Agent;
  readonly #base: number;

  constructor(server: Agent, askers: Askers, base: number) {
    this.#server = server;
    this.#askers = askers;
    this.#base = base;
  }

  row(
    asked: string,
    family: Family,
    host: string | undefined,
    port: number,
    who: readonly Who[] = order,
  ): void {
    const cell = (name: Who): Cell => {
      const asker = who.includes(name) ? this.#askers[name] : undefined;
      if (asker === undefined || host === undefined) return undefined;
      return { asker, server: this.#server, family, host, port };
    };
    this.rows.push({ asked: `${asked}, v${family}`, cells: order.map(cell) });
  }

  /** By the container's own address, on both families. */
  own(asked: string, port: number): void {
    for (const family of [4, 6] as const) this.row(asked, family, ownAddress(this.#server, family), port);
  }

  /** By an address of the host. */
  host(asked: string, address: string, port: number): void {
    this.row(asked, address.includes(':') ? 6 : 4, address, this.#base + port);
  }

  /** By the host's localhost. From outside ::1 can't be asked for: no kernel sends packets to it. */
  localhost(asked: string, port: number, families: readonly Family[] = [4, 6]): void {
    if (families.includes(4)) this.row(asked, 4, '127.0.0.1', this.#base + port, routed);
    if (families.includes(6)) this.row(asked, 6, '::1', this.#base + port, ['host']);
  }
}

/** The rows of a container that publishes a port on all addresses, and nothing else. */
export function askPlain(subject: Subject): void {
  subject.own('its address, a port that is not published', ports.unpublished);
  subject.own('its address, a published port', ports.everywhere);
  for (const address of [addresses.host[4], addresses.host[6]])
    subject.host('`-p 81`: the host’s address', address, ports.everywhere);
  subject.localhost('`-p 81`: localhost', ports.everywhere);
}

/** The rows of all ways to publish. */
export function askPublished(subject: Subject): void {
  const { host, second } = addresses;
  askPlain(subject);
  subject.localhost('`-p 127.0.0.1:82`: localhost', ports.localhost, [4]);
  subject.host('`-p 127.0.0.1:82`: the host’s address', host[4], ports.localhost);
  subject.host('`-p ADDRESS:83`: that address', host[4], ports.oneAddress);
  subject.host('`-p ADDRESS:83`: another of the host’s', second[4], ports.oneAddress);
  for (const address of [host[4], host[6]])
    subject.host('`-p 0.0.0.0:84`: the host’s address', address, ports.everywhere4);
  for (const address of [host[4], host[6]])
    subject.host('`-p [::]:85`: the host’s address', address, ports.everywhere6);
  subject.localhost('`-p [::1]:86`: localhost', ports.localhost6, [6]);
  subject.host('`-p [::1]:86`: the host’s address', host[6], ports.localhost6);
  subject.host('`-p [ADDRESS]:87`: that address', host[6], ports.oneAddress6);
  subject.host('`-p [ADDRESS]:87`: another of the host’s', second[6], ports.oneAddress6);
}

export function table(title: string, rows: Row[]): Table {
  return { title, columns, rows };
}

/** The host's address on the bridge of a container; undefined where that is the container's own, on a network without a gateway. */
function gatewayOf(agent: Agent, family: Family): string | undefined {
  const own = ownAddress(agent, family);
  const first = family === 4 ? own?.replace(/\d+$/, '1') : own?.replace(/::.*$/, '::1');
  return first === own ? undefined : first;
}

/** What containers of each kind of network reach. */
export function outwardTable(
  askers: ReadonlyMap<string, Agent>,
  { client, host, elsewhere }: { client: Agent; host: Agent; elsewhere: Agent },
): Table {
  const families = [4, 6] as const;
  const targets = [
    { server: client, name: 'the client', address: (_: Agent, family: Family) => ownAddress(client, family) },
    { server: host, name: 'the host', address: (_: Agent, family: Family) => addresses.host[family] },
    { server: host, name: 'the gateway', address: gatewayOf },
    {
      server: elsewhere,
      name: 'another network',
      address: (_: Agent, family: Family) => ownAddress(elsewhere, family),
    },
  ].flatMap((target) =>
    families.map((family) => ({ ...target, family, name: `${target.name}, v${family}` })),
  );
  const rows = [...askers].map(([kind, asker]): Row => {
    const cells = targets.map(({ server, family, address }): Cell => {
      const wanted = address(asker, family);
      return wanted === undefined
        ? undefined
        : { asker, server, family, host: wanted, port: ports.unpublished };
    });
    return { asked: kind, cells };
  });
  return { title: 'From a container outward', columns: targets.map(({ name }) => name), rows };
}
