/** A tiny program for network tests: `serve tcp:80 udp:53` answers each peer with its address, `ask tcp HOST PORT` prints the answer. */
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6 } from 'node:net';

const [mode, ...args] = process.argv.slice(2);
const patience = 700;

async function serve(ports: readonly string[]): Promise<void> {
  for (const port of ports) {
    const [protocol = '', number = '', text = ''] = port.split(':');
    const answer = (address = ''): string => `${text}${text && ' '}${address.replace(/^::ffff:/, '')}`;
    if (protocol === 'tcp') {
      const server = createServer((socket) => {
        socket.on('error', () => undefined);
        // `hold` keeps the connection and answers each line: for connections that must outlive the daemon.
        socket.write(answer(socket.remoteAddress));
        if (text === 'hold') socket.on('data', (data) => socket.write(data));
        else socket.end();
      });
      await new Promise<void>((resolve) => server.listen({ port: Number(number), host: '::' }, resolve));
    } else {
      const socket = createSocket('udp6');
      socket.on('message', (_, peer) => socket.send(answer(peer.address), peer.port, peer.address));
      await new Promise<void>((resolve) => socket.bind(Number(number), resolve));
    }
  }
  process.stdout.write('ready\n');
}

function ask(protocol = '', host = '', port = 0): void {
  const finish = (text: string): void => {
    process.stdout.write(text);
    process.exit(0);
  };
  setTimeout(() => finish('timeout'), patience);
  if (protocol === 'tcp') {
    const socket = connect({ host, port });
    let text = '';
    socket.on('data', (data) => {
      text += data.toString();
    });
    socket.on('error', (error) => finish('code' in error ? String(error.code) : error.message));
    socket.on('end', () => finish(text === '' ? 'closed' : text));
    return;
  }
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('message', (data) => finish(data.toString()));
  socket.on('error', (error) => finish('code' in error ? String(error.code) : error.message));
  socket.connect(port, host, () => socket.send('?'));
}

if (mode === 'serve') await serve(args);
else ask(args[0], args[1], Number(args[2]));
