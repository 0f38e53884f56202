/** The API as bytes on a socket and as JSON: for tests of what is on the wire, which no client library shows. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface ApiAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into documents of every shape
  json: any;
}

/** One request with a JSON body (or the given text) and its whole answer. */
export function callApi(
  socketPath: string,
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<ApiAnswer> {
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const type: Record<string, string> = text === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const outgoing = request(
      { socketPath, method, path, headers: { ...type, ...headers }, agent: false },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('error', reject).on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () => {
          const answer = Buffer.concat(chunks).toString();
          const isJson = incoming.headers['content-type']?.startsWith('application/json') === true;
          const json: unknown =
            isJson && answer !== '' ? JSON.parse(answer.trim().split('\r\n')[0] ?? '') : undefined;
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text: answer, json });
        });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(text);
  });
}

/** A connection written to and read from by hand. */
export class RawConnection {
  readonly socket: Socket;
  #received = '';
  #ended = false;

  constructor(socketPath: string) {
    this.socket = connect({ path: socketPath, allowHalfOpen: true });
    this.socket.on('error', () => {
      this.#ended = true;
    });
    this.socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    this.socket.on('end', () => {
      this.#ended = true;
    });
  }

  send(text: string): void {
    this.socket.write(text);
  }

  /** What came so far, as Latin-1. */
  get received(): string {
    return this.#received;
  }

  /** Waits until `pattern` is in what came; throws after `ms`. */
  async until(pattern: RegExp, ms = 5000): Promise<string> {
    const deadline = Date.now() + ms;
    while (!pattern.test(this.#received)) {
      if (this.#ended || Date.now() > deadline)
        throw new Error(`no ${pattern} in ${JSON.stringify(this.#received)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return this.#received;
  }

  /** Waits for the other side's end. */
  async end(ms = 5000): Promise<string> {
    const deadline = Date.now() + ms;
    while (!this.#ended) {
      if (Date.now() > deadline) throw new Error(`no end after ${JSON.stringify(this.#received)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.socket.destroy();
    return this.#received;
  }
}
