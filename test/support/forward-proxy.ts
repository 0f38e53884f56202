/** An HTTP proxy: absolute URLs and CONNECT, to targets that the test chooses by host name. */
import { once } from 'node:events';
import { createServer, request as httpRequest } from 'node:http';
import { connect, type Socket } from 'node:net';

export interface ForwardProxy {
  url: string;
  /** `GET http://…` and `CONNECT host:port`, in order. */
  requests: string[];
  /** `Proxy-Authorization` headers that came. */
  credentials: Set<string>;
  /** Port of 127.0.0.1 by `host:port`; what is not in it is refused. */
  targets: Map<string, number>;
  stop(): Promise<void>;
}

export async function startForwardProxy(): Promise<ForwardProxy> {
  const sockets = new Set<Socket>();
  const note = (line: string, credentials: string | undefined): void => {
    proxy.requests.push(line);
    if (credentials !== undefined) proxy.credentials.add(credentials);
  };
  const server = createServer((incoming, response) => {
    const url = new URL(incoming.url ?? '', 'http://unknown');
    note(`${incoming.method} ${url.href}`, incoming.headers['proxy-authorization']);
    const port = proxy.targets.get(`${url.hostname}:${url.port || '80'}`);
    if (port === undefined) {
      response.writeHead(502);
      response.end();
      return;
    }
    const { method, headers } = incoming;
    const outgoing = httpRequest(
      { port, host: '127.0.0.1', path: url.pathname + url.search, method, headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    outgoing.on('error', () => response.destroy());
    incoming.pipe(outgoing);
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket));
  });
  server.on('connect', (incoming, client: Socket, head) => {
    note(`CONNECT ${incoming.url}`, incoming.headers['proxy-authorization']);
    const port = proxy.targets.get(incoming.url ?? '');
    if (port === undefined) {
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
      return;
    }
    const target = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      target.write(head);
      target.pipe(client);
      client.pipe(target);
    });
    sockets.add(target);
    target.on('error', () => client.destroy()).on('close', () => sockets.delete(target));
    client.on('close', () => target.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const proxy: ForwardProxy = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`,
    requests: [],
    credentials: new Set(),
    targets: new Map(),
    stop: async () => {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
  return proxy;
}
