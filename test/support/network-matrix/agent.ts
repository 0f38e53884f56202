/** Runs in one network namespace of the matrix: serves ports, and asks others. Takes and gives JSON lines; its argument is its name. */
import { createSocket } from 'node:dgram';
import { connect, createServer, isIPv6, type Server } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask, Order } from './talk.ts';

const name = process.argv[2] ?? '';
const udpAgainMs = 300;
const [addressMs, addressStepMs] = [10_000, 100];
const open = new Map<number, () => void>();

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** Answers by UDP come from the address that was asked, so each address has a socket of its own. */
function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
  return all.map(({ address }) => address).filter((address) => !address.startsWith('fe80'));
}

function serveTcp(port: number): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.end(`${name} ${(socket.remoteAddress ?? '').replace(/^::ffff:/, '')}`);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host: '::' }, () => resolve(server));
  });
}

/** An IPv6 address that came a moment ago can't be bound until the kernel has looked for another machine that has it (RFC 4862, 5.4): two seconds. */
async function serveUdp(port: number, address: string): Promise<void> {
  for (let waited = 0; waited < addressMs; waited += addressStepMs) {
    if ((await bindUdp(port, address)) === undefined) return;
    await sleep(addressStepMs);
  }
  const error = await bindUdp(port, address);
  if (error !== undefined) throw error;
}

/** The error where the address is not there yet. */
function bindUdp(port: number, address: string): Promise<Error | undefined> {
  const socket = createSocket({ type: isIPv6(address) ? 'udp6' : 'udp4', ipv6Only: isIPv6(address) });
  socket.on('message', (_, peer) => socket.send(`${name} ${peer.address}`, peer.port, peer.address));
  return new Promise((resolve, reject) => {
    socket.once('error', (error) => {
      socket.close();
      if (errorName(error) === 'EADDRNOTAVAIL') resolve(error);
      else reject(error);
    });
    socket.bind(port, address, () => resolve(undefined));
  });
}

const served = new Set<string>();

/** Again for addresses that have come since. */
async function serve(ports: readonly number[]): Promise<void> {
  const once = async (key: string, begin: () => Promise<unknown>): Promise<void> => {
    if (served.has(key)) return;
    served.add(key);
    await begin();
  };
  for (const port of ports) {
    await once(`tcp ${port}`, () => serveTcp(port));
    for (const address of ownAddresses()) await once(`${address} ${port}`, () => serveUdp(port, address));
  }
  say({ serving: true, addresses: ownAddresses() });
}

function ask({ id, protocol, host, port }: Ask): void {
  const finish = (answer: string): void => {
    if (!open.has(id)) return;
    open.delete(id);
    close();
    say({ id, answer: answer.includes(' ') ? `${answer} ${whose(answer)}` : answer });
  };
  const begin = protocol === 'tcp' ? askTcp : askUdp;
  const close = begin(host, port, finish);
  open.set(id, () => finish('silence'));
}

/** Was it an address of ours under which the server saw us? Those are looked up late: a bridge has none that count until a container is on it. */
function whose(answer: string): string {
  return ownAddresses().includes(answer.split(' ')[1] ?? '') ? 'own' : 'other';
}

type Finish = (answer: string) => void;

const errorName = (error: Error): string => ('code' in error ? String(error.code) : error.message);

function askTcp(host: string, port: number, finish: Finish): () => void {
  const socket = connect({ host, port });
  let text = '';
  socket.on('data', (data) => {
    text += data.toString();
  });
  socket.on('error', (error) => finish(errorName(error)));
  socket.on('end', () => finish(text === '' ? 'closed' : text));
  return () => socket.destroy();
}

function askUdp(host: string, port: number, finish: Finish): () => void {
  const socket = createSocket(isIPv6(host) ? 'udp6' : 'udp4');
  socket.on('error', (error) => finish(errorName(error)));
  socket.on('message', (data) => finish(data.toString()));
  let timer: NodeJS.Timeout | undefined;
  // Without a route it is the callback that is told, which Node's types do not know.
  socket.connect(port, host, (...[error]: Array<Error | undefined>) => {
    if (error) return finish(errorName(error));
    const send = (): void => socket.send('?');
    send();
    timer = setInterval(send, udpAgainMs);
  });
  return () => {
    clearInterval(timer);
    socket.close();
  };
}

createInterface({ input: process.stdin })
  .on('line', (line) => {
    const order = JSON.parse(line) as Order;
    if (order.serve !== undefined) serve(order.serve).catch((error: Error) => say({ failed: error.message }));
    for (const question of order.ask ?? []) ask(question);
    if (order.conclude === true) for (const end of open.values()) end();
  })
  .on('close', () => process.exit(0));
