/** Passes questions on to other name servers: the next one where one is silent or fails, the first good answer counts. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { NameFrames } from './name-frames.ts';
import { answers, codeOf, framed, rcode, withId } from './name-message.ts';

export type NameProtocol = 'udp' | 'tcp';

export interface ForwarderTimes {
  /** How long one server may be silent until the next is asked too. */
  nextMs: number;
  /** When it is given up. Resolvers wait 5 s. */
  giveUpMs: number;
}

const usualTimes: ForwarderTimes = { nextMs: 1000, giveUpMs: 4500 };
/** resolv.conf(5) knows three. */
const mostServers = 4;
/** Questions under way at a time: each holds a socket. */
const mostAtOnce = 1024;
const usualPort = 53;

export class NameForwarder {
  readonly #times: ForwarderTimes;
  readonly #port: number;
  #underWay = 0;

  constructor(times: ForwarderTimes = usualTimes, port = usualPort) {
    this.#times = times;
    this.#port = port;
  }

  /** The answer, under the question's own number; undefined where no server gave one in time. */
  async forward(
    query: Buffer,
    servers: readonly string[],
    protocol: NameProtocol,
  ): Promise<Buffer | undefined> {
    if (this.#underWay >= mostAtOnce) return undefined;
    this.#underWay += 1;
    try {
      const answer = await this.#firstGood(query, servers.slice(0, mostServers), protocol);
      return answer === undefined ? undefined : withId(answer, query.readUInt16BE(0));
    } finally {
      this.#underWay -= 1;
    }
  }

  #firstGood(query: Buffer, servers: readonly string[], protocol: NameProtocol): Promise<Buffer | undefined> {
    const { promise, resolve } = Promise.withResolvers<Buffer | undefined>();
    const stop = new AbortController();
    const waiting = new Set<NodeJS.Timeout>();
    let [next, open, poor]: [number, number, Buffer | undefined] = [0, 0, undefined];
    const finish = (answer: Buffer | undefined): void => {
      for (const timer of waiting) clearTimeout(timer);
      stop.abort();
      resolve(answer);
    };
    const askNext = (): void => {
      if (stop.signal.aborted) return;
      const server = servers[next];
      if (server === undefined) {
        if (open === 0) finish(poor);
        return;
      }
      next += 1;
      open += 1;
      const timer = setTimeout(askNext, this.#times.nextMs);
      waiting.add(timer);
      const failed = (answer?: Buffer): void => {
        open -= 1;
        poor ??= answer;
        clearTimeout(timer);
        askNext();
      };
      const renamed = withId(query, randomInt(0x1_0000));
      ask(renamed, { host: server, port: this.#port }, protocol, stop.signal).then(
        (answer) => (isGood(answer) ? finish(answer) : failed(answer)),
        () => failed(),
      );
    };
    waiting.add(setTimeout(() => finish(poor), this.#times.giveUpMs));
    askNext();
    return promise;
  }
}

/** Another server may know what this one can't or won't say. */
function isGood(answer: Buffer): boolean {
  const code = codeOf(answer);
  return code === rcode.ok || code === rcode.noSuchName;
}

interface NameServerPlace {
  host: string;
  port: number;
}

function ask(
  query: Buffer,
  server: NameServerPlace,
  protocol: NameProtocol,
  signal: AbortSignal,
): Promise<Buffer> {
  return protocol === 'udp' ? askByUdp(query, server, signal) : askByTcp(query, server, signal);
}

/** A socket of its own for each question: its port is one more thing that a forger must guess (RFC 5452). */
function askByUdp(query: Buffer, { host, port }: NameServerPlace, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  const end = (): void => reject(new Error('given up'));
  signal.addEventListener('abort', end, { once: true });
  socket.on('error', reject);
  socket.on('message', (message) => {
    if (answers(query, message)) resolve(message);
  });
  socket.connect(port, host, (error?: Error) => {
    if (error !== undefined) reject(error);
    else socket.send(query, (failure) => failure && reject(failure));
  });
  return promise.finally(() => {
    signal.removeEventListener('abort', end);
    socket.close();
  });
}

function askByTcp(query: Buffer, { host, port }: NameServerPlace, signal: AbortSignal): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = connect({ host, port, signal });
  const frames = new NameFrames();
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('closed')));
  socket.on('data', (chunk: Buffer) => {
    const answer = frames.push(chunk).find((message) => answers(query, message));
    if (answer !== undefined) resolve(answer);
  });
  socket.write(framed(query));
  return promise.finally(() => socket.destroy());
}
