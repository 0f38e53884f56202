/** A connection that an HTTP request turned into a raw stream, as Go's client does it for attach and exec. */
import { request } from 'node:http';
import type { Socket } from 'node:net';

export interface Upgraded {
  status: number;
  contentType: string | undefined;
  socket: Socket;
  /** What came with the answer. */
  head: Buffer;
}

/** Resolves with the connection; rejects with the status and the text of any other answer. */
export function upgrade(
  socketPath: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Upgraded> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...{ socketPath, path, method: 'POST', agent: false },
      headers: { 'content-type': 'application/json', connection: 'Upgrade', upgrade: 'tcp', ...headers },
    });
    outgoing.on('upgrade', ({ statusCode, headers: answered }, socket: Socket, head) =>
      resolve({ status: statusCode ?? 0, contentType: answered['content-type'], socket, head }),
    );
    outgoing.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () => reject(new Error(`${response.statusCode}: ${text}`)));
    });
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? '' : JSON.stringify(body));
  });
}

/** All that the other side sends until it ends. */
export async function drain({ socket, head }: Upgraded): Promise<Buffer> {
  const chunks = [head];
  for await (const chunk of socket) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Takes the multiplexed form apart: stdout and stderr as text. */
export function split(bytes: Buffer): { stdout: string; stderr: string } {
  const parts = { 1: '', 2: '' };
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at + 4);
    const stream = bytes[at] === 2 ? 2 : 1;
    parts[stream] += bytes.subarray(at + 8, at + 8 + size).toString();
    at += 8 + size;
  }
  return { stdout: parts[1], stderr: parts[2] };
}
