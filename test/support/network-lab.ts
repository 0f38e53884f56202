/** A bridge with containers' namespaces, a client on a network outside, and real sockets in all of them; everything is gone after `close`. */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startLauncher } from '../../src/host/launcher.ts';
import type { Launcher } from '../../src/host/launcher-types.ts';
import type { NetworkSetup } from '../../src/host/network-setup.ts';
import type { BridgeConfig } from '../../src/network/bridge-config.ts';
import { parseEndpoint } from '../../src/network/endpoint-record.ts';
import { parseNetwork } from '../../src/network/network-record.ts';
import type { Networks } from '../../src/network/network-set.ts';
import type {
  Bridge,
  Endpoint,
  EndpointRequest,
  NetworkDescription,
  NetworkRequest,
  PortRequest,
} from '../../src/network/network-types.ts';
import { type NetworksOptions, openNetworks } from '../../src/network/open-networks.ts';
import { Database } from '../../src/store/database.ts';
import type { NameAnswer } from './name-ask.ts';

const execute = promisify(execFile);
const nameScript = join(import.meta.dirname, 'name-ask.ts');
const peerScript = join(import.meta.dirname, 'network-peer.ts');
/** IFLA_NET_NS_FD 8 and its like by pid (<linux/if_link.h>): a test has no descriptor 8 in the launcher. */
const byDescriptor = Buffer.from([8, 0, 28, 0, 8, 0, 0, 0]);

export const lanHost = '198.18.77.1';
export const lanHost6 = 'fd99:77::1';

/** By what the firewall's rules are written, and how often they are looked after. */
export type LabOptions = Pick<
  NetworksOptions,
  'firewallBackend' | 'iptablesVariants' | 'watchMs' | 'refused'
>;

export class NetworkLab {
  readonly launcher: Launcher;
  readonly tag = randomBytes(3).toString('hex');
  readonly bridgeName = `gtn${this.tag}`;
  readonly table = `gantry_test_${this.tag}`;
  readonly warnings: string[] = [];
  readonly database: Database;
  readonly #directory: string;
  readonly #options: LabOptions;
  readonly #undo: Array<() => Promise<unknown>> = [];
  #networks: Networks | undefined;

  private constructor(launcher: Launcher, options: LabOptions) {
    this.launcher = launcher;
    this.#options = options;
    this.#directory = mkdtempSync(join(tmpdir(), 'gantry-network-'));
    this.database = Database.open(join(this.#directory, 'test.db'));
  }

  static async open(config: Partial<BridgeConfig> = {}, options: LabOptions = {}): Promise<NetworkLab> {
    const lab = new NetworkLab(await startLauncher(), options);
    await lab.restart(config);
    return lab;
  }

  /** A new daemon over the same record. Containers in `live` are still there. */
  async restart(
    config: Partial<BridgeConfig> = {},
    live: readonly string[] = [],
    options: LabOptions = {},
  ): Promise<void> {
    await this.#networks?.close();
    this.#networks = await openNetworks({
      launcher: this.launcher,
      endpoints: this.database.collection<Endpoint>('endpoints', parseEndpoint),
      networks: this.database.collection<NetworkDescription>('networks', parseNetwork),
      config: { name: this.bridgeName, nftTable: this.table, bip: '10.213.77.1/24', ...config },
      warn: (message) => this.warnings.push(message),
      ...this.#options,
      ...options,
    });
    await this.networks.reconcile(new Set(live));
  }

  get networks(): Networks {
    if (this.#networks === undefined) throw new Error('the lab is not open');
    return this.#networks;
  }

  get bridge(): Bridge {
    const { defaultBridge } = this.networks;
    if (defaultBridge === undefined) throw new Error('there is no default bridge');
    return defaultBridge;
  }

  /** A user-defined network of a name of this lab's own. */
  createNetwork(name: string, request: Partial<NetworkRequest> = {}): Promise<Bridge> {
    return this.networks.create({
      name: `${this.tag}-${name}`,
      internal: false,
      attachable: false,
      enableIpv4: true,
      enableIpv6: undefined,
      ipam: { options: null, pools: [] },
      options: {},
      labels: {},
      ...request,
    });
  }

  namespace(name: string): string {
    return `${this.bridgeName}-${name}`;
  }

  async addNamespace(name: string): Promise<string> {
    const namespace = this.namespace(name);
    await execute('ip', ['netns', 'add', namespace]);
    this.#undo.push(() => this.deleteNamespace(name));
    return namespace;
  }

  async deleteNamespace(name: string): Promise<void> {
    await execute('ip', ['netns', 'del', this.namespace(name)]).catch(() => undefined);
  }

  /** Connects a container and does what its shim would. */
  async container(
    id: string,
    ports: readonly PortRequest[] = [],
    more: Partial<EndpointRequest> = {},
  ): Promise<Endpoint> {
    return this.join(this.bridge, id, { ports, ...more });
  }

  /** A container on any network; its names are its ID and `aliases`. */
  async join(
    bridge: Bridge,
    id: string,
    more: Partial<EndpointRequest> & { aliases?: string[] } = {},
  ): Promise<Endpoint> {
    const { aliases = [], ...request } = more;
    const naming = { names: [id, ...aliases], links: {}, servers: [] };
    const { endpoint, setup } = await bridge.connect({
      containerId: id,
      ports: [],
      ...(bridge.servesNames ? { naming } : {}),
      ...request,
    });
    await this.applySetup(id, setup);
    return endpoint;
  }

  /** Asks a name server from a container's namespace. */
  async resolve(from: string, server: string, name: string, ...more: readonly string[]): Promise<NameAnswer> {
    const inside = ['netns', 'exec', this.namespace(from), process.execPath, nameScript];
    const { stdout } = await execute('ip', [...inside, server, name, ...more]);
    return JSON.parse(stdout) as NameAnswer;
  }

  async applySetup(name: string, setup: NetworkSetup): Promise<void> {
    const namespace = await this.addNamespace(name);
    for (const [path, value] of Object.entries(setup.sysctls ?? {})) {
      await execute('ip', ['netns', 'exec', namespace, 'sh', '-c', `echo ${value} > /proc/sys/net/${path}`]);
    }
    await this.#send(setup.inside.map(patched), `/run/netns/${namespace}`);
    await this.#send(setup.outside);
  }

  /** Runs a server in a container's namespace that tells each peer its own address. Resolves when it listens. */
  async serve(name: string, ...ports: readonly string[]): Promise<void> {
    const child = execFile('ip', [
      'netns',
      'exec',
      this.namespace(name),
      process.execPath,
      peerScript,
      'serve',
      ...ports,
    ]);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    this.#undo.push(() => {
      child.kill('SIGKILL');
      return ended;
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the server in ${name} ended with ${code}`)));
    });
  }

  /** What the server at the other end says of the peer's address, or `ECONNREFUSED`, `timeout`, …; from the host where no namespace is given. */
  async ask(target: {
    protocol?: 'tcp' | 'udp';
    host: string;
    port: number;
    from?: string;
  }): Promise<string> {
    const args = ['ask', target.protocol ?? 'tcp', target.host, String(target.port)];
    if (target.from === undefined) return (await execute(process.execPath, [peerScript, ...args])).stdout;
    const inside = ['netns', 'exec', this.namespace(target.from), process.execPath, peerScript, ...args];
    return (await execute('ip', inside)).stdout;
  }

  /** A machine on a network of its own beside the host, which is its router. */
  async addLan(): Promise<void> {
    const namespace = await this.addNamespace('lan');
    const link = `gtl${this.tag}`;
    const commands = [
      `link add ${link} type veth peer name eth0 netns ${namespace}`,
      `addr add ${lanHost}/24 dev ${link}`,
      `addr add ${lanHost6}/64 dev ${link} nodad`,
      `link set ${link} up`,
      `-n ${namespace} addr add 198.18.77.2/24 dev eth0`,
      `-n ${namespace} addr add fd99:77::2/64 dev eth0 nodad`,
      `-n ${namespace} link set eth0 up`,
      `-n ${namespace} link set lo up`,
      `-n ${namespace} route add default via ${lanHost}`,
      `-n ${namespace} -6 route add default via ${lanHost6}`,
    ];
    this.#undo.push(() => execute('ip', ['link', 'del', link]).catch(() => undefined));
    for (const command of commands) await execute('ip', command.split(' '));
  }

  async close(): Promise<void> {
    for (const undo of this.#undo.reverse()) await undo();
    await this.networks.destroy();
    await this.launcher.close();
    this.database.close();
    rmSync(this.#directory, { recursive: true });
  }

  async #send(messages: readonly Uint8Array[], netns?: string): Promise<void> {
    const { failure } = await this.launcher.netlink(messages, netns);
    if (failure !== undefined) throw new Error(`message ${failure.index} failed with errno ${failure.errno}`);
  }
}

function patched(message: Uint8Array): Buffer {
  const out = Buffer.from(message);
  const at = out.indexOf(byDescriptor);
  if (at < 0) return out;
  out.writeUInt16LE(19, at + 2);
  out.writeUInt32LE(process.pid, at + 4);
  return out;
}
