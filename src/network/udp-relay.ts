/** Passes UDP on that the kernel can't redirect: one socket per client, forgotten when nothing came for a while. */
import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';

interface Target {
  address: string;
  port: number;
}

interface Flow {
  socket: Socket;
  /** Where it goes: containers may move. */
  address: string;
  idle: NodeJS.Timeout;
}

/** As long as the kernel tracks UDP that was answered (nf_conntrack_udp_timeout_stream). */
const idleMs = 120_000;
/** Clients of one port; the oldest is forgotten for one more. */
const mostFlows = 512;

export class UdpRelay {
  readonly #front: Socket;
  readonly #target: Target;
  /** By the client's port: all clients have one address. */
  readonly #flows = new Map<number, Flow>();

  /** `front` is where clients of one address send to, and get answers from; `target` may be changed in place. */
  constructor(front: Socket, target: Target) {
    this.#front = front;
    this.#target = target;
  }

  passOn(data: Buffer, client: { address: string; port: number }): void {
    const known = this.#flows.get(client.port);
    if (known !== undefined && known.address !== this.#target.address) this.#forget(client.port);
    const flow = this.#flows.get(client.port) ?? this.#open(client);
    flow.idle.refresh();
    flow.socket.send(data, this.#target.port, flow.address, () => undefined);
  }

  close(): void {
    for (const port of this.#flows.keys()) this.#forget(port);
  }

  #open(client: { address: string; port: number }): Flow {
    const [oldest] = this.#flows.keys();
    if (oldest !== undefined && this.#flows.size >= mostFlows) this.#forget(oldest);
    const { address } = this.#target;
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    socket.unref();
    socket.on('error', () => undefined);
    socket.on('message', (data, peer) => {
      // Nobody else may speak for the container.
      if (peer.address !== address || peer.port !== this.#target.port) return;
      flow.idle.refresh();
      this.#front.send(data, client.port, client.address, () => undefined);
    });
    const flow = { socket, address, idle: setTimeout(() => this.#forget(client.port), idleMs).unref() };
    this.#flows.set(client.port, flow);
    return flow;
  }

  #forget(port: number): void {
    const flow = this.#flows.get(port);
    if (flow === undefined) return;
    this.#flows.delete(port);
    clearTimeout(flow.idle);
    flow.socket.close();
  }
}
