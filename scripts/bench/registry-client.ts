/** One client of the registry bench: does one thing over one connection for some seconds and prints how often: PORT WORK SECONDS NAME. */
import { createHash, randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

const blobSize = 1_000_000;
const [port = '', work = '', seconds = '', name = ''] = process.argv.slice(2);
const repository = `bench/${name}`;
const manifestType = 'application/vnd.oci.image.manifest.v1+json';

interface Answer {
  status: number;
  location: string;
}

/** HTTP with as little of it as will do, so that the client costs the registry as little as it can. */
class Connection {
  readonly #socket: Socket;
  #head: Buffer = Buffer.alloc(0);
  #answer: Answer | undefined;
  #left = 0;
  #resolve: ((answer: Answer) => void) | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  request(method: string, path: string, headers: string, body?: Buffer): Promise<Answer> {
    const length = body === undefined && method === 'GET' ? '' : `Content-Length: ${body?.length ?? 0}\r\n`;
    this.#socket.cork();
    this.#socket.write(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n${headers}${length}\r\n`);
    if (body !== undefined) this.#socket.write(body);
    this.#socket.uncork();
    return new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  end(): void {
    this.#socket.destroy();
  }

  #take(chunk: Buffer): void {
    if (this.#answer === undefined) {
      this.#head = this.#head.length === 0 ? chunk : Buffer.concat([this.#head, chunk]);
      const end = this.#head.indexOf('\r\n\r\n');
      if (end === -1) return;
      const text = this.#head.toString('latin1', 0, end);
      this.#answer = {
        status: Number(text.slice(9, 12)),
        location: /^location: (.*)$/im.exec(text)?.[1]?.trim() ?? '',
      };
      this.#left = Number(/^content-length: (\d+)$/im.exec(text)?.[1] ?? 0) - (this.#head.length - end - 4);
      this.#head = Buffer.alloc(0);
    } else this.#left -= chunk.length;
    if (this.#left > 0 || this.#answer === undefined) return;
    const answer = this.#answer;
    this.#answer = undefined;
    this.#resolve?.(answer);
  }
}

function digestOf(data: Buffer): string {
  return `sha256:${createHash('sha256').update(data).digest('hex')}`;
}

function expect(answer: Answer, status: number): void {
  if (answer.status !== status) throw new Error(`${work}: status ${answer.status} where ${status} was due`);
}

async function putBlob(connection: Connection, data: Buffer, digest: string): Promise<void> {
  const begun = await connection.request('POST', `/v2/${repository}/blobs/uploads/`, '');
  expect(begun, 202);
  const url = new URL(begun.location, `http://127.0.0.1:${port}`);
  url.searchParams.set('digest', digest);
  const type = 'Content-Type: application/octet-stream\r\n';
  expect(await connection.request('PUT', url.pathname + url.search, type, data), 201);
}

async function putManifest(connection: Connection, reference: string, data: Buffer): Promise<void> {
  const type = `Content-Type: ${manifestType}\r\n`;
  expect(await connection.request('PUT', `/v2/${repository}/manifests/${reference}`, type, data), 201);
}

function manifestOf(config: Buffer, layer: Buffer, serial: number): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: manifestType,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: digestOf(config),
        size: config.length,
      },
      layers: [
        {
          mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
          digest: digestOf(layer),
          size: layer.length,
        },
      ],
      annotations: { serial: String(serial) },
    }),
  );
}

const socket = connect(Number(port), '127.0.0.1');
socket.setNoDelay(true);
const connection = new Connection(socket);
const layer = randomBytes(blobSize);
const config = Buffer.from('{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}');
await putBlob(connection, layer, digestOf(layer));
await putBlob(connection, config, digestOf(config));
await putManifest(connection, 'latest', manifestOf(config, layer, 0));

const layerDigest = digestOf(layer);
let serial = 0;
/** Blobs that no registry has seen, made and hashed before the clock runs. */
const fresh =
  work === 'put-blob'
    ? Array.from({ length: 1500 }, () => {
        const data = Buffer.from(layer);
        randomBytes(64).copy(data);
        return { data, digest: digestOf(data) };
      })
    : [];
const works: Record<string, () => Promise<void>> = {
  'get-blob': async () =>
    expect(await connection.request('GET', `/v2/${repository}/blobs/${layerDigest}`, ''), 200),
  'put-blob': async () => {
    const blob = fresh[serial];
    serial += 1;
    if (blob !== undefined) await putBlob(connection, blob.data, blob.digest);
  },
  'get-manifest': async () =>
    expect(
      await connection.request('GET', `/v2/${repository}/manifests/latest`, `Accept: ${manifestType}\r\n`),
      200,
    ),
  'put-manifest': async () => {
    serial += 1;
    await putManifest(connection, `tag-${serial}`, manifestOf(config, layer, serial));
  },
};
const act = works[work];
if (act === undefined) throw new Error(`unknown work ${work}`);
const begun = performance.now();
const limit = Number(seconds) * 1000;
let count = 0;
while (performance.now() - begun < limit && (work !== 'put-blob' || serial < fresh.length)) {
  await act();
  count += 1;
}
process.stdout.write(`${(count / (performance.now() - begun)) * 1000}\n`);
connection.end();
