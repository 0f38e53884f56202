/** `/gantry/sockets`: scoped sockets, Gantry's own. */
import type { SocketView } from '../engine/sockets.ts';
import type { ScopedSocket } from '../wire/scoped-socket.ts';
import { Answer, type Call, param, requiredJsonBody } from './call.ts';
import { rfc3339 } from './timestamps.ts';

export function getSockets(call: Call): ScopedSocket[] {
  return call.engine.sockets.list().map(encodeSocket);
}

export function getSocket(call: Call): ScopedSocket {
  return encodeSocket(call.engine.sockets.get(param(call, 'name')));
}

export async function postSocket(call: Call): Promise<Answer> {
  const fields = await requiredJsonBody(call);
  const socket = await call.engine.sockets.create({
    name: fields.string('Name'),
    allow: fields.strings('Allow'),
    labels: fields.strings('Labels'),
    path: fields.string('Path'),
    mode: fields.string('Mode'),
    group: fields.string('Group'),
    allowHost: fields.boolean('AllowHost'),
  });
  return new Answer(201, encodeSocket(socket));
}

export async function deleteSocket(call: Call): Promise<void> {
  await call.engine.sockets.remove(param(call, 'name'));
}

function encodeSocket(socket: SocketView): ScopedSocket {
  return {
    Name: socket.name,
    Path: socket.path,
    Allow: socket.allow,
    Labels: socket.labels,
    Mode: socket.mode.toString(8).padStart(4, '0'),
    Group: socket.group,
    AllowHost: socket.allowHost,
    Created: rfc3339(socket.createdAt),
    Listening: socket.listening,
    Error: socket.error,
    Connections: socket.connections,
  };
}
