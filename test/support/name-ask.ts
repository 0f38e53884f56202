/** Asks a name server one question, from whichever network namespace it is run in: `SERVER NAME TYPE udp|tcp [UDPSIZE]`; prints the answer as JSON. */
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { decode, encode, type RecordType, streamDecode, streamEncode } from 'dns-packet';

const patienceMs = 1500;

export interface NameAnswer {
  /** 0 for success, 3 for no such name; -1 where no answer came. */
  code: number;
  truncated: boolean;
  data: string[];
}

/** One question with a number of its own; `udpSize` makes it one with EDNS. */
export async function askName(
  server: string,
  name: string,
  type: RecordType = 'A',
  options: { protocol?: 'udp' | 'tcp'; udpSize?: number; port?: number } = {},
): Promise<NameAnswer> {
  const { protocol = 'udp', udpSize, port = 53 } = options;
  const query = {
    type: 'query' as const,
    id: Math.trunc(Math.random() * 65_536),
    flags: 0x100,
    questions: [{ type, name }],
    additionals:
      udpSize === undefined
        ? []
        : [
            {
              type: 'OPT' as const,
              name: '.',
              udpPayloadSize: udpSize,
              extendedRcode: 0,
              ednsVersion: 0,
              flags: 0,
              flag_do: false,
              options: [],
            },
          ],
  };
  const reply =
    protocol === 'udp' ? await byUdp(encode(query), server, port) : await byTcp(query, server, port);
  if (reply === undefined) return { code: -1, truncated: false, data: [] };
  const { answers = [] } = protocol === 'udp' ? decode(reply) : streamDecode(reply);
  const header = protocol === 'udp' ? reply : reply.subarray(2);
  return {
    code: header.readUInt8(3) & 15,
    truncated: (header.readUInt8(2) & 2) !== 0,
    data: answers.map((answer) => ('data' in answer ? String(answer.data) : '')),
  };
}

function byUdp(query: Buffer, server: string, port: number): Promise<Buffer | undefined> {
  const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const end = (answer?: Buffer): void => {
      clearTimeout(timer);
      socket.close();
      resolve(answer);
    };
    const timer = setTimeout(end, patienceMs);
    socket.once('error', () => end());
    socket.once('message', (message) => end(message));
    socket.send(query, port, server);
  });
}

function byTcp(
  query: Parameters<typeof streamEncode>[0],
  server: string,
  port: number,
): Promise<Buffer | undefined> {
  const socket = connect({ host: server, port });
  socket.setTimeout(patienceMs, () => socket.destroy());
  socket.write(streamEncode(query));
  return new Promise((resolve) => {
    let bytes = Buffer.alloc(0);
    socket.on('error', () => resolve(undefined));
    socket.on('close', () => resolve(undefined));
    socket.on('data', (chunk: Buffer) => {
      bytes = Buffer.concat([bytes, chunk]);
      if (bytes.length < 2 || bytes.length < bytes.readUInt16BE(0) + 2) return;
      resolve(bytes);
      socket.destroy();
    });
  });
}

if (process.argv[1] === import.meta.filename) {
  const [server = '', name = '', type = 'A', protocol = 'udp', size] = process.argv.slice(2);
  const answer = await askName(server, name, type as RecordType, {
    protocol: protocol === 'tcp' ? 'tcp' : 'udp',
    ...(size === undefined ? {} : { udpSize: Number(size) }),
  });
  process.stdout.write(JSON.stringify(answer));
}
