/** The containers of the matrix on one engine, an agent in the network namespace of each, and the tables of what is asked. */
import { Agent } from './agents.ts';
import {
  type Askers,
  allPorts,
  askPlain,
  askPublished,
  outwardTable,
  ports,
  Subject,
  type Table,
  table,
} from './tables.ts';
import { addresses, lanInterface, type Wire } from './wire.ts';

export interface Engine {
  /** Runs the docker command line; what it printed, trimmed. Rejects where it fails. */
  docker(...args: string[]): Promise<string>;
  /** Does it know `--publish-from`, and gateway modes (Docker since 28)? */
  modern: boolean;
}

interface Kind {
  title: string;
  network: string;
  /** Flags of `network create`; the network is there already where undefined. */
  create?: string[];
  base: number;
  publish: 'all ways' | 'one' | 'none';
  /** Only where the engine is modern. */
  modern?: boolean;
}

const v6 = (subnet: string): string[] => ['--ipv6', '--subnet', subnet];
const option = (name: string, value: string): string[] => [
  '-o',
  `com.docker.network.bridge.${name}=${value}`,
];

const kinds: readonly Kind[] = [
  { title: 'The default bridge', network: 'bridge', base: 8100, publish: 'all ways' },
  {
    title: 'A bridge of one’s own',
    network: 'mine',
    create: v6('fd60:10::/64'),
    base: 8200,
    publish: 'all ways',
  },
  {
    title: '`icc` off',
    network: 'apart',
    create: [...v6('fd60:11::/64'), ...option('enable_icc', 'false')],
    base: 8300,
    publish: 'one',
  },
  {
    title: '`--internal`',
    network: 'vault',
    create: [...v6('fd60:12::/64'), '--internal'],
    base: 8400,
    publish: 'one',
  },
  mode('routed', 8600, 'fd60:13::/64'),
  mode('nat-unprotected', 8700, 'fd60:14::/64'),
  mode('isolated', 8800, 'fd60:15::/64', '--internal'),
  { title: '`macvlan`', network: 'wire', create: macvlan(), base: 8500, publish: 'none' },
];

function mode(name: string, base: number, subnet: string, ...flags: string[]): Kind {
  const families = ['ipv4', 'ipv6'].flatMap((family) => option(`gateway_mode_${family}`, name));
  const create = [...v6(subnet), ...families, ...flags];
  const title = [`Gateway mode \`${name}\``, ...flags.map((flag) => `\`${flag}\``)].join(', ');
  return { title, network: name, create, base, publish: 'one', modern: true };
}

function macvlan(): string[] {
  const ipv4 = [
    '--subnet',
    '198.18.60.0/24',
    '--gateway',
    addresses.neighbour[4],
    '--ip-range',
    '198.18.60.128/25',
  ];
  const ipv6 = [
    '--ipv6',
    '--subnet',
    'fd60:1::/64',
    '--gateway',
    addresses.neighbour[6],
    '--ip-range',
    'fd60:1::100/120',
  ];
  return ['-d', 'macvlan', ...ipv4, ...ipv6, '-o', `parent=${lanInterface}`];
}

function publications({ base, publish }: Kind): string[] {
  const { host } = addresses;
  const one: Array<[string, number]> = [['', ports.everywhere]];
  const all: Array<[string, number]> = [
    ['', ports.joined],
    ['127.0.0.1:', ports.localhost],
    [`${host[4]}:`, ports.oneAddress],
    ['0.0.0.0:', ports.everywhere4],
    ['[::]:', ports.everywhere6],
    ['[::1]:', ports.localhost6],
    [`[${host[6]}]:`, ports.oneAddress6],
  ];
  const ways = { none: [], one, 'all ways': [...one, ...all] }[publish];
  return ways.flatMap(([address, port]) => published(address, base, port));
}

function published(address: string, base: number, port: number): string[] {
  return ['', '/udp'].flatMap((protocol) => ['-p', `${address}${base + port}:${port}${protocol}`]);
}

export class Site {
  readonly agents: Agent[] = [];
  readonly #engine: Engine;
  readonly #wire: Wire;

  constructor(engine: Engine, wire: Wire) {
    this.#engine = engine;
    this.#wire = wire;
  }

  async close(): Promise<void> {
    for (const agent of this.agents) await agent.stop();
  }

  /** Makes all there is, and says what to ask. */
  async build(): Promise<Table[]> {
    const { host, neighbour, client } = this.#wire;
    const wanted = kinds.filter(({ modern }) => modern !== true || this.#engine.modern);
    for (const { network, create } of wanted)
      if (create !== undefined) await this.#engine.docker('network', 'create', ...create, network);
    await this.#engine.docker('network', 'create', ...v6('fd60:20::/64'), 'elsewhere');
    const machines = {
      client: await this.#agent('client', `/run/netns/${client}`),
      neighbour: await this.#agent('neighbour', `/run/netns/${neighbour}`),
      host: await this.#agent('host', `/run/netns/${host}`),
    };
    const elsewhere = await this.#container('elsewhere', '--network', 'elsewhere');
    const askers = { ...machines, elsewhere };
    const outward = new Map<string, Agent>();
    const tables: Table[] = [];
    for (const kind of wanted) {
      const peer = await this.#container(`${kind.network}-peer`, '--network', kind.network);
      outward.set(kind.title, peer);
      tables.push(table(kind.title, await this.#rowsOf(kind, { ...askers, peer })));
    }
    tables.push(await this.#hostTable(askers));
    outward.set('`none`', await this.#container('none', '--network', 'none'));
    await machines.host.serve();
    const joined = this.agents.find(({ name }) => name === 'joined');
    if (joined !== undefined) outward.set('`container:`, of a bridge of one’s own', joined);
    return [...tables, outwardTable(outward, askers)];
  }

  async #rowsOf(kind: Kind, askers: Askers): Promise<Table['rows']> {
    const { network, base, publish } = kind;
    const target = await this.#container(network, '--network', network, ...publications(kind));
    const subject = new Subject(target, { ...askers, itself: target }, base);
    if (publish === 'none') subject.own('its address', ports.unpublished);
    if (publish === 'one') askPlain(subject);
    if (publish === 'all ways') askPublished(subject);
    if (network !== 'mine') return subject.rows;
    return [
      ...subject.rows,
      ...(await this.#joinedRows(kind, askers)),
      ...(await this.#limitedRows(kind, askers)),
    ];
  }

  /** A container in the network namespace of another, which published the port. */
  async #joinedRows({ network, base }: Kind, askers: Askers): Promise<Table['rows']> {
    const joined = await this.#container('joined', '--network', `container:${network}`);
    const subject = new Subject(joined, { ...askers, itself: joined }, base);
    for (const family of [4, 6] as const)
      subject.host('`-p 88`, served by a container in its namespace', addresses.host[family], ports.joined);
    return subject.rows;
  }

  async #limitedRows({ network, base }: Kind, askers: Askers): Promise<Table['rows']> {
    if (!this.#engine.modern) return [];
    const { client, host } = addresses;
    const flags = ['--network', network, '--label', `gantry.publish-from=${client[4]}/32,${client[6]}/128`];
    const limited = await this.#container('limited', ...flags, ...published('', base, ports.limited));
    const subject = new Subject(limited, { ...askers, itself: limited }, base);
    for (const family of [4, 6] as const)
      subject.host('`-p 89 --publish-from CLIENT`: the host’s address', host[family], ports.limited);
    return subject.rows;
  }

  async #hostTable(askers: Askers): Promise<Table> {
    const server = await this.#container('hosted', '--network', 'host');
    const subject = new Subject(server, { ...askers, itself: server }, 0);
    for (const family of [4, 6] as const)
      subject.host('the host’s address', addresses.host[family], ports.everywhere);
    subject.localhost('localhost', ports.everywhere);
    return table('`host`', subject.rows);
  }

  async #container(name: string, ...flags: string[]): Promise<Agent> {
    await this.#engine.docker('run', '-d', '--name', name, ...flags, 'busybox', 'sleep', '1000');
    const pid = await this.#engine.docker('inspect', '-f', '{{.State.Pid}}', name);
    return this.#agent(name, `/proc/${pid}/ns/net`, servedBy(name));
  }

  async #agent(name: string, netns: string, served: readonly number[] = [ports.unpublished]): Promise<Agent> {
    const agent = await Agent.start(name, netns, served);
    this.agents.push(agent);
    return agent;
  }
}

/** Those that share a namespace with another serve what the other does not. */
function servedBy(name: string): readonly number[] {
  if (name === 'joined') return [ports.joined];
  if (name === 'hosted') return [ports.everywhere];
  return allPorts.filter((port) => port !== ports.joined);
}
