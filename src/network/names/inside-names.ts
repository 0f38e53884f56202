/** The name service in containers' own network namespaces, on 127.0.0.11: for networks whose gateway is not the host. */
import { EngineError } from '../../errors/engine-error.ts';
import type { Launcher } from '../../host/launcher-types.ts';
import type { NamespaceSockets } from '../../host/namespace-sockets.ts';
import { type AnswerQuery, type Listening, serveTcp, serveUdp } from './name-server.ts';

/** Where containers of such networks ask. */
export const insideAddress = '127.0.0.11';

export class InsideNames {
  readonly #launcher: Pick<Launcher, 'run'>;
  readonly #sockets: NamespaceSockets;
  /** By container ID. */
  readonly #open = new Map<string, Promise<Listening[]>>();

  constructor(launcher: Pick<Launcher, 'run'>, sockets: NamespaceSockets) {
    this.#launcher = launcher;
    this.#sockets = sockets;
  }

  /** Idempotent. EngineError `internal` where the namespace is gone, or the kernel can't redirect in it. */
  async open(containerId: string, netns: string, answer: AnswerQuery): Promise<void> {
    const known = this.#open.get(containerId);
    if (known !== undefined) return void (await known);
    const opening = this.#listen(netns, answer);
    this.#open.set(containerId, opening);
    await opening.catch((error: unknown) => {
      this.#open.delete(containerId);
      throw error;
    });
  }

  /** Idempotent. */
  async close(containerId: string): Promise<void> {
    const open = this.#open.get(containerId);
    this.#open.delete(containerId);
    await closeAll(await open?.catch(() => []));
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((id) => this.close(id)));
    await this.#sockets.close();
  }

  async #listen(netns: string, answer: AnswerQuery): Promise<Listening[]> {
    const { udp, tcp } = await this.#sockets.open(netns);
    udp.unref();
    tcp.unref();
    const listening = { udp: serveUdp(udp, answer), tcp: serveTcp(tcp, answer) };
    try {
      await this.#redirect(netns, { udp: listening.udp.port, tcp: listening.tcp.port });
    } catch (error) {
      await closeAll(Object.values(listening));
      throw error;
    }
    return Object.values(listening);
  }

  /** Port 53 itself is left to the container, which may be a name server. */
  async #redirect(netns: string, ports: { udp: number; tcp: number }): Promise<void> {
    const argv = ['nsenter', `--net=${netns}`, 'nft', '-f', '-'];
    const { exitCode, stderr } = await this.#launcher.run({ argv, stdin: redirectScript(ports) });
    if (exitCode === 0) return;
    throw new EngineError('internal', `nft failed: ${stderr.toString().trim()}`);
  }
}

/** A table of the container's namespace, in place of an earlier daemon's. */
export function redirectScript({ udp, tcp }: { udp: number; tcp: number }): string {
  return `add table ip gantry_names
delete table ip gantry_names
table ip gantry_names {
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr ${insideAddress} udp dport 53 dnat to ${insideAddress}:${udp}
    ip daddr ${insideAddress} tcp dport 53 dnat to ${insideAddress}:${tcp}
  }
}
`;
}

async function closeAll(open: readonly Listening[] = []): Promise<void> {
  await Promise.all(open.map((one) => one.close()));
}
