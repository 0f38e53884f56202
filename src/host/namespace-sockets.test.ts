/** Sockets in other network namespaces, made by the real helper. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { isEngineError } from '../errors/engine-error.ts';
import { NamespaceSockets } from './namespace-sockets.ts';

const namespaces = [1, 2].map((number) => `gtsock${number}-${randomBytes(3).toString('hex')}`);
const sockets = new NamespaceSockets();
const pathOf = (name: string | undefined): string => `/run/netns/${name ?? ''}`;
const listening = (name: string | undefined): string =>
  execFileSync('ip', ['netns', 'exec', name ?? '', 'ss', '-Hlnut']).toString();

before(() => {
  for (const name of namespaces) execFileSync('ip', ['netns', 'add', name]);
});
after(async () => {
  await sockets.close();
  for (const name of namespaces) execFileSync('ip', ['netns', 'del', name]);
});

test('sockets listen in the namespace that was named, and nowhere else', async () => {
  const [first, second] = await Promise.all(namespaces.map((name) => sockets.open(pathOf(name))));
  assert.ok(first !== undefined && second !== undefined);
  const port = first.udp.address().port;
  assert.match(listening(namespaces[0]), new RegExp(`udp .*127.0.0.11:${port} `));
  assert.match(listening(namespaces[0]), /tcp +LISTEN .*127.0.0.11:/);
  assert.ok(!readFileSync('/proc/net/udp', 'utf8').includes('0B00007F'), 'none on the host');
  for (const { udp, tcp } of [first, second]) {
    udp.close();
    await new Promise((resolve) => tcp.close(resolve));
  }
  assert.equal(listening(namespaces[0]), '');
});

test('a namespace that is not there is an error, and the next one is served', async () => {
  await assert.rejects(
    sockets.open('/run/netns/none-such'),
    (error: unknown) => isEngineError(error, 'internal') && error.message.includes('ENOENT'),
  );
  const { udp, tcp } = await sockets.open(pathOf(namespaces[1]));
  udp.close();
  await new Promise((resolve) => tcp.close(resolve));
});
