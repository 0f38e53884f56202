/** A daemon of its own, a machine outside with two addresses, and a name server of the outside: for containers with egress rules. Gone after `close`. */
import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestDaemon, type TestDaemonOptions } from './daemon.ts';
import { NameServerDouble } from './name-server-double.ts';

const execute = promisify(execFile);
const peerScript = join(import.meta.dirname, 'network-peer.ts');

export class EgressSite {
  readonly daemon: TestDaemon;
  /** What the name server knows; it may be changed. */
  readonly names: Record<string, string> = {};
  readonly #octet = 1 + (process.pid % 250);
  readonly #namespace = `gte${process.pid}`;
  readonly #link = `gte${process.pid}`;
  #servers: NameServerDouble | undefined;
  #peer: ChildProcess | undefined;

  private constructor(daemon: TestDaemon) {
    this.daemon = daemon;
  }

  /** `ttl` of the name server's answers, in seconds; `ports` of the machine outside, as network-peer.ts takes them. */
  static async open(
    ttl: number,
    ports: readonly string[],
    options: TestDaemonOptions = {},
  ): Promise<EgressSite> {
    const site = new EgressSite(await TestDaemon.start(options));
    try {
      await site.#addOutside();
      site.#servers = await NameServerDouble.start(site.host, site.names, ttl);
      await site.#serve(ports);
      return site;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  /** The host's own address towards the outside; the name server's. */
  get host(): string {
    return this.outside(1);
  }

  /** The machine outside has 2 and 3. */
  outside(number: number): string {
    return `198.19.${this.#octet}.${number}`;
  }

  get asked(): readonly string[] {
    return this.#servers?.asked ?? [];
  }

  async #addOutside(): Promise<void> {
    const [namespace, link] = [this.#namespace, this.#link];
    for (const command of [
      `netns add ${namespace}`,
      `link add ${link} type veth peer name eth0 netns ${namespace}`,
      `addr add ${this.host}/24 dev ${link}`,
      `link set ${link} up`,
      `-n ${namespace} addr add ${this.outside(2)}/24 dev eth0`,
      `-n ${namespace} addr add ${this.outside(3)}/24 dev eth0`,
      `-n ${namespace} link set eth0 up`,
      `-n ${namespace} link set lo up`,
    ])
      await execute('ip', command.split(' '));
  }

  async #serve(ports: readonly string[]): Promise<void> {
    const argv = ['netns', 'exec', this.#namespace, process.execPath, peerScript, 'serve', ...ports];
    this.#peer = spawn('ip', argv, { stdio: ['ignore', 'pipe', 'inherit'] });
    if (this.#peer.stdout !== null) await once(this.#peer.stdout, 'data');
  }

  /** What a TCP port says to a container, or busybox's words for why it says nothing. */
  async reach(container: string, address: string, port: number): Promise<string> {
    const script = `nc -w 2 ${address} ${port} </dev/null 2>&1`;
    return (await this.daemon.docker(['exec', container, 'sh', '-c', script])).stdout.trim();
  }

  /** What the container's name service says of a name: addresses, or nothing. */
  async resolve(container: string, name: string): Promise<string[]> {
    const { stdout } = await this.daemon.docker(['exec', container, 'nslookup', '-type=a', name]);
    const [, ...answer] = stdout.split(/\n\n/);
    return [...answer.join('\n').matchAll(/^Address(?: 1)?: (\S+)/gm)].map(([, address = '']) => address);
  }

  async close(): Promise<void> {
    this.#peer?.kill('SIGKILL');
    await this.#servers?.close();
    await this.daemon.close();
    for (const family of ['inet', 'bridge'])
      spawnSync('nft', ['delete', 'table', family, `${this.daemon.nftTable}_egress`], { stdio: 'ignore' });
    spawnSync('ip', ['link', 'delete', this.#link], { stdio: 'ignore' });
    spawnSync('ip', ['netns', 'delete', this.#namespace], { stdio: 'ignore' });
  }
}
