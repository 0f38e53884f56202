/** A little registry of our own, for what a real one does not do on request: break off, refuse, redirect, ask for tokens. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { FixtureBlob, FixtureImage } from './image-fixtures.ts';

export interface FakeRegistry {
  host: string;
  url: string;
  /** Requests that came, in order. */
  requests: Array<{ method: string; path: string; headers: IncomingMessage['headers'] }>;
  /** Looked at before anything else; true where it has answered. */
  intercept: (request: IncomingMessage, response: ServerResponse) => boolean;
  /** Serves the image's manifest under its digest and `tag`, and its blobs, whatever the repository. */
  add(tag: string, image: FixtureImage): void;
  /** Serves other bytes, under the name that they should not have. */
  put(name: string, item: FixtureBlob): void;
  stop(): Promise<void>;
}

function sendBlob(request: IncomingMessage, response: ServerResponse, item: FixtureBlob): void {
  const range = /^bytes=([0-9]+)-$/.exec(request.headers.range ?? '');
  const start = Number(range?.[1] ?? 0);
  const data = item.data.subarray(start);
  response.writeHead(range === null ? 200 : 206, {
    'content-type': item.mediaType,
    'content-length': data.length,
    ...(range === null
      ? {}
      : { 'content-range': `bytes ${start}-${item.data.length - 1}/${item.data.length}` }),
  });
  response.end(data);
}

export async function startFakeRegistry(): Promise<FakeRegistry> {
  const items = new Map<string, FixtureBlob>();
  const server = createServer((request, response) => {
    const path = request.url ?? '';
    registry.requests.push({ method: request.method ?? '', path, headers: request.headers });
    if (registry.intercept(request, response)) return;
    const name = /^\/v2\/.+\/(?:manifests|blobs)\/([^/?]+)(?:\?.*)?$/.exec(path)?.[1];
    const item = name === undefined ? undefined : items.get(name);
    if (item !== undefined) {
      sendBlob(request, response, item);
      return;
    }
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const host = `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const registry: FakeRegistry = {
    host,
    url: `http://${host}`,
    requests: [],
    intercept: () => false,
    add: (tag, image) => {
      items.set(tag, image.manifest);
      for (const item of [image.manifest, image.config, ...image.layers]) items.set(item.digest, item);
    },
    put: (name, item) => void items.set(name, item),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return registry;
}
