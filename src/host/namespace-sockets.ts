/** Sockets in the network namespaces of containers: made by the native helper, which enters them, and handed over as a child process of Node.js does it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { Socket as UdpSocket } from 'node:dgram';
import { Server } from 'node:net';
import { getSystemErrorName } from 'node:util';
import { EngineError } from '../errors/engine-error.ts';
import { findShim } from './launcher.ts';

/** Bound to 127.0.0.11, each to a port of the kernel's choice, and listening. The namespace lives as long as they are open. */
export interface NamespaceListeners {
  udp: UdpSocket;
  tcp: Server;
}

interface Waiter {
  udp?: UdpSocket;
  resolve(listeners: NamespaceListeners): void;
  reject(error: EngineError): void;
}

export class NamespaceSockets {
  readonly #shimPath: string | undefined;
  readonly #waiters = new Map<number, Waiter>();
  #child: ChildProcess | undefined;
  #nextId = 1;

  constructor(options: { shimPath?: string } = {}) {
    this.#shimPath = options.shimPath;
  }

  /** In the namespace at `netns`, e.g. `/proc/7/ns/net`. EngineErrors `internal` with the errno, `unavailable` where the helper ended. */
  open(netns: string): Promise<NamespaceListeners> {
    const { promise, resolve, reject } = Promise.withResolvers<NamespaceListeners>();
    const id = this.#nextId++;
    const child = this.#start();
    this.#waiters.set(id, { resolve, reject });
    child.channel?.ref();
    child.stdin?.write(`${id} ${netns}\n`);
    return promise;
  }

  /** Ends the helper; what was opened stays open. */
  async close(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.ref();
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.stdin?.end();
    await ended;
  }

  #start(): ChildProcess {
    if (this.#child !== undefined) return this.#child;
    const child = spawn(this.#shimPath ?? findShim(), ['sockets', '0', '3'], {
      stdio: ['pipe', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (message, handle) => this.#settle(message, handle));
    child.once('error', (error) => this.#lose(child, error));
    child.once('exit', () => this.#lose(child));
    child.stdin?.on('error', () => undefined);
    child.unref();
    child.channel?.unref();
    if (child.stdin !== null && 'unref' in child.stdin && typeof child.stdin.unref === 'function')
      child.stdin.unref();
    this.#child = child;
    return child;
  }

  /** The datagram socket comes first, then the server; or an errno. */
  #settle(message: unknown, handle: unknown): void {
    const id = numberOf(message, 'id') ?? 0;
    const waiter = this.#waiters.get(id);
    if (waiter === undefined) return;
    if (handle instanceof UdpSocket) {
      waiter.udp = handle;
      return;
    }
    this.#waiters.delete(id);
    if (this.#waiters.size === 0) this.#child?.channel?.unref();
    if (handle instanceof Server && waiter.udp !== undefined)
      waiter.resolve({ udp: waiter.udp, tcp: handle });
    else waiter.reject(refused(numberOf(message, 'errno')));
  }

  #lose(child: ChildProcess, cause?: Error): void {
    if (this.#child !== child) return;
    this.#child = undefined;
    const error = new EngineError('unavailable', 'the native helper ended before it answered', { cause });
    for (const waiter of this.#waiters.values()) waiter.reject(error);
    this.#waiters.clear();
  }
}

function numberOf(message: unknown, field: string): number | undefined {
  const value: unknown =
    typeof message === 'object' && message !== null ? Reflect.get(message, field) : undefined;
  return typeof value === 'number' ? value : undefined;
}

function refused(errno: number | undefined): EngineError {
  const why = errno === undefined ? 'no socket came' : getSystemErrorName(-errno);
  return new EngineError('internal', `cannot open a socket in a container's network: ${why}`, {
    details: { errno: errno ?? 0 },
  });
}
