/** A name server of the outside: knows a few addresses, answers "no such name" to all else, and remembers what it was asked. */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { decode, encode, type Packet, streamDecode, streamEncode } from 'dns-packet';

export class NameServerDouble {
  readonly asked: string[] = [];
  readonly #known: Readonly<Record<string, string>>;
  readonly #ttl: number;
  readonly #udp: Socket = createSocket('udp4');
  readonly #tcp: Server;

  private constructor(known: Readonly<Record<string, string>>, ttl: number) {
    this.#known = known;
    this.#ttl = ttl;
    this.#udp.on('message', (message, peer) => {
      this.#udp.send(encode(this.#answer(decode(message))), peer.port, peer.address);
    });
    this.#tcp = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (message: Buffer) => socket.end(streamEncode(this.#answer(streamDecode(message)))));
    });
  }

  /** `ttl`: in seconds, of all answers. */
  static async start(
    address: string,
    known: Readonly<Record<string, string>>,
    ttl = 60,
  ): Promise<NameServerDouble> {
    const server = new NameServerDouble(known, ttl);
    server.#udp.bind({ address, port: 53 });
    await once(server.#udp, 'listening');
    server.#tcp.listen(53, address);
    await once(server.#tcp, 'listening');
    return server;
  }

  async close(): Promise<void> {
    this.#udp.close();
    this.#tcp.close();
    await once(this.#tcp, 'close');
  }

  #answer({ id, questions = [] }: Packet): Packet {
    const [question] = questions;
    const name = question?.name ?? '';
    this.asked.push(name);
    const data = question?.type === 'A' ? this.#known[name] : undefined;
    const code = this.#known[name] === undefined ? 3 : 0;
    return {
      type: 'response',
      ...(id === undefined ? {} : { id }),
      flags: 0x180 | code,
      questions,
      answers: data === undefined ? [] : [{ type: 'A', name, ttl: this.#ttl, data }],
    };
  }
}
