/**
 * Old clients (and curl) attach without asking for an upgrade, yet expect the connection to turn into a raw stream. Node's
 * parser would take their standard input for a next request, so the head of each connection's first request is looked at
 * before the parser sees it, and such a request is given the upgrade headers that it lacks.
 */
import type { Server } from 'node:http';
import type { Connection } from './connection.ts';

/** Tells `hijack.ts` that the client did not ask for the upgrade, and gets 200 instead of 101. */
export const plainMarker = 'x-gantry-plain';

const hijackLine = /^POST (?:\/v[0-9.]+)?\/(?:containers\/[^/? ]+\/attach|exec\/[^/? ]+\/start)[? ]/;
const ownFraming = /\r\n(?:upgrade|transfer-encoding):/i;
const addedHeaders = `Connection: Upgrade\r\nUpgrade: tcp\r\n${plainMarker}: 1\r\n`;

/** Longest head that is waited for; the parser refuses longer ones anyhow. */
const maxHead = 16 * 1024;

/** Hands a new connection to `server`, which listens nowhere itself. */
export function acceptConnection(server: Server, socket: Connection): void {
  let head: Buffer = Buffer.alloc(0);
  const onData = (chunk: Buffer): void => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    if (isUndecided(head)) return;
    socket.off('data', onData).off('end', onEnd).off('error', onError);
    socket.pause();
    socket.unshift(markHead(head));
    server.emit('connection', socket);
    socket.resume();
  };
  const onEnd = (): void => socket.destroySoon();
  const onError = (): void => {
    socket.destroy();
  };
  socket.on('data', onData).on('end', onEnd).on('error', onError);
}

/** True while more bytes are needed to know whether this is a hijack. */
function isUndecided(head: Buffer): boolean {
  if (head.length > maxHead) return false;
  const text = head.toString('latin1');
  if (!text.includes('\r\n')) return 'POST '.startsWith(text.slice(0, 5));
  return hijackLine.test(text) && !text.includes('\r\n\r\n');
}

/** The bytes for the parser: unchanged, or with the headers of an upgrade put after the request line. */
export function markHead(head: Buffer): Buffer {
  const text = head.toString('latin1', 0, maxHead);
  const end = text.indexOf('\r\n\r\n');
  if (end < 0 || !hijackLine.test(text) || ownFraming.test(text.slice(0, end))) return head;
  const line = text.indexOf('\r\n') + 2;
  return Buffer.concat([head.subarray(0, line), Buffer.from(addedHeaders, 'latin1'), head.subarray(line)]);
}
