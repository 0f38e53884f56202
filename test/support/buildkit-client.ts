/** A client of BuildKit's API that may misbehave as no other does: a session whose every packet the test says. */
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import type { Duplex } from 'node:stream';
import { GrpcClient } from '../../src/api/buildkit/grpc-client.ts';
import { type GrpcMethods, serveGrpc } from '../../src/api/buildkit/grpc-server.ts';
import { Packet, packetType, type Stat } from '../../src/wire/buildkit/session-messages.ts';

export interface TestSession {
  id: string;
  connection: Duplex;
}

/** Resolves with the status of an answer that is no upgrade, or the connection. */
export function upgrade(
  socketPath: string,
  path: string,
  headers: Record<string, string | string[]> = {},
): Promise<Duplex | number> {
  return new Promise((resolve, reject) => {
    const call = request({
      socketPath,
      path,
      method: 'POST',
      headers: { Connection: 'Upgrade', Upgrade: 'h2c', ...headers },
    });
    call.on('upgrade', (_response, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    call.on('response', (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    call.on('error', reject);
    call.end();
  });
}

export async function openControl(socketPath: string): Promise<GrpcClient> {
  const connection = await upgrade(socketPath, '/grpc');
  if (typeof connection === 'number') throw new Error(`/grpc: ${connection}`);
  return new GrpcClient(connection);
}

/** Serves `methods` to the daemon, until its connection is destroyed. */
export async function openSession(
  socketPath: string,
  methods: GrpcMethods,
  sharedKey = randomUUID(),
): Promise<TestSession> {
  const id = randomUUID();
  const connection = await upgrade(socketPath, '/session', {
    'X-Docker-Expose-Session-Uuid': id,
    'X-Docker-Expose-Session-Name': 'test',
    'X-Docker-Expose-Session-Sharedkey': sharedKey,
    'X-Docker-Expose-Session-Grpc-Method': Object.keys(methods),
  });
  if (typeof connection === 'number') throw new Error(`/session: ${connection}`);
  void serveGrpc(connection, methods);
  return { id, connection };
}

const fileMode = 0o644;

export function statOf(path: string, more: Partial<Stat> = {}): Stat {
  return {
    path,
    mode: fileMode,
    uid: 0,
    gid: 0,
    size: 0,
    modTime: 1n,
    linkname: '',
    devMajor: 0,
    devMinor: 0,
    xattrs: new Map(),
    ...more,
  };
}

export interface OfferedFile {
  stat: Stat;
  content?: string;
}

/** Sends `files` as they are, whatever was asked for. */
export function fileSync(files: (directory: string) => OfferedFile[]): GrpcMethods {
  return {
    '/moby.filesync.v1.FileSync/DiffCopy': async ({ headers, messages, send }) => {
      const offered = files(String(headers['dir-name']));
      for (const { stat } of offered) await send(Packet.encode({ type: packetType.stat, stat }));
      await send(Packet.encode({ type: packetType.stat }));
      for await (const message of messages) {
        const packet = Packet.decode(message);
        if (packet.type === packetType.finish) {
          await send(Packet.encode({ type: packetType.finish }));
          return;
        }
        const data = Buffer.from(offered[packet.id]?.content ?? '');
        if (data.length > 0) await send(Packet.encode({ type: packetType.data, id: packet.id, data }));
        await send(Packet.encode({ type: packetType.data, id: packet.id }));
      }
    },
  };
}
