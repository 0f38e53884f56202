/** The name service inside a container's network namespace: sockets that the native helper makes there, and who hears them. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { isEngineError } from '../../src/errors/engine-error.ts';
import { startLauncher } from '../../src/host/launcher.ts';
import type { Launcher } from '../../src/host/launcher-types.ts';
import { NamespaceSockets } from '../../src/host/namespace-sockets.ts';
import { InsideNames, insideAddress } from '../../src/network/names/inside-names.ts';
import { encodeReply, parseQuery } from '../../src/network/names/name-message.ts';
import type { NameAnswer } from '../support/name-ask.ts';
import { until } from '../support/until.ts';

const execute = promisify(execFile);
const namespace = `gtin-${randomBytes(3).toString('hex')}`;
const netns = `/run/netns/${namespace}`;
const nameScript = join(import.meta.dirname, '../support/name-ask.ts');
const peerScript = join(import.meta.dirname, '../support/network-peer.ts');

let launcher: Launcher;
let names: InsideNames;
/** What came: protocol and name. */
const asked: string[] = [];

before(async () => {
  launcher = await startLauncher();
});
beforeEach(() => {
  asked.length = 0;
  execFileSync('ip', ['netns', 'add', namespace]);
  inside('ip', 'link', 'set', 'lo', 'up');
  names = new InsideNames(launcher, new NamespaceSockets());
});
afterEach(async () => {
  await names.closeAll();
  spawnSync('ip', ['netns', 'del', namespace]);
});
after(() => launcher.close());

function inside(...argv: string[]): string {
  return execFileSync('ip', ['netns', 'exec', namespace, ...argv]).toString();
}

/** Answers each question for an address with 192.0.2.7. */
function answer(message: Buffer, _address: string, protocol: string): Promise<Buffer | undefined> {
  const query = parseQuery(message);
  if (query === undefined) return Promise.resolve(undefined);
  asked.push(`${protocol} ${query.name}`);
  return Promise.resolve(encodeReply(query, { code: 0, addresses: ['192.0.2.7'] }, 512));
}

async function ask(name: string, protocol = 'udp'): Promise<NameAnswer> {
  const argv = ['netns', 'exec', namespace, process.execPath, nameScript, insideAddress, name, 'A', protocol];
  return JSON.parse((await execute('ip', argv)).stdout) as NameAnswer;
}

/** Sockets of the namespace that are bound to the name service's address. */
function bound(): number {
  const rows = inside('cat', '/proc/net/udp', '/proc/net/tcp').split('\n');
  return rows.filter((row) => /^\s*\d+: 0B00007F:/.test(row)).length;
}

const found = { code: 0, truncated: false, data: ['192.0.2.7'] };

test('questions inside are answered, by UDP and TCP, for as long as it is open', async () => {
  await names.open('c', netns, answer);
  assert.deepEqual(await ask('one'), found);
  assert.deepEqual(await ask('two', 'tcp'), found);
  assert.deepEqual(asked, ['udp one', 'tcp two']);
  await names.close('c');
  assert.equal((await ask('three')).code, -1);
  await until(() => bound() === 0);
  await names.close('c');
});

test('opening twice is opening once; what an earlier daemon left is replaced', async () => {
  await Promise.all([names.open('c', netns, answer), names.open('c', netns, answer)]);
  const table = inside('nft', 'list', 'table', 'ip', 'gantry_names');
  assert.equal(bound(), 2);
  await names.open('c', netns, answer);
  assert.equal(inside('nft', 'list', 'table', 'ip', 'gantry_names'), table);
  const next = new InsideNames(launcher, new NamespaceSockets());
  try {
    await next.open('c', netns, answer);
    assert.notEqual(inside('nft', 'list', 'table', 'ip', 'gantry_names'), table);
    await names.closeAll();
    assert.deepEqual(await ask('one'), found);
  } finally {
    await next.closeAll();
  }
});

test('port 53 itself is the container’s', async () => {
  const server = spawn('ip', [
    'netns',
    'exec',
    namespace,
    process.execPath,
    peerScript,
    'serve',
    'tcp:53:its own',
    'udp:53:its own',
  ]);
  const ended = once(server, 'exit');
  try {
    await once(server.stdout, 'data');
    await names.open('c', netns, answer);
    assert.deepEqual(await ask('one'), found);
    for (const protocol of ['tcp', 'udp'])
      assert.match(inside(process.execPath, peerScript, 'ask', protocol, '127.0.0.1', '53'), /^its own /);
  } finally {
    server.kill('SIGKILL');
    await ended;
  }
});

test('the daemon’s own namespace has nothing of it', async () => {
  await names.open('c', netns, answer);
  const rows = readFileSync('/proc/net/udp', 'utf8').split('\n');
  assert.doesNotMatch(execFileSync('nft', ['list', 'tables']).toString(), /gantry_names/);
  const [port = ''] = /udp dport 53 dnat to 127\.0\.0\.11:\d+/.exec(inside('nft', 'list', 'ruleset')) ?? [];
  const hex = Number(port.split(':')[1]).toString(16).toUpperCase().padStart(4, '0');
  assert.ok(!rows.some((row) => row.includes(` 0B00007F:${hex} `)));
});

test('a namespace that is not there is an error, and no hindrance to others', async () => {
  await assert.rejects(
    names.open('gone', '/run/netns/no-such-namespace', answer),
    (error: unknown) => isEngineError(error, 'internal') && /ENOENT/.test(error.message),
  );
  await assert.rejects(
    names.open('gone', '/etc/hostname', answer),
    (error: unknown) => isEngineError(error, 'internal') && /EINVAL/.test(error.message),
  );
  await names.open('c', netns, answer);
  assert.deepEqual(await ask('one'), found);
});

test('when the helper is killed what is open goes on, and the next is opened by another', async () => {
  await names.open('c', netns, answer);
  const helpers = childrenNamed('gantry-sockets');
  assert.equal(helpers.length, 1);
  process.kill(helpers[0] ?? 0, 'SIGKILL');
  await until(() => childrenNamed('gantry-sockets').length === 0);
  assert.deepEqual(await ask('one'), found);
  await names.close('c');
  await until(async () => {
    await names.open('c', netns, answer).catch(() => undefined);
    return (await ask('two')).code === 0;
  });
});

function childrenNamed(name: string): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      try {
        const status = readFileSync(`/proc/${pid}/status`, 'utf8');
        return (
          status.includes(`PPid:\t${process.pid}\n`) &&
          status.startsWith(`Name:\t${name}\n`) &&
          !/State:\tZ/.test(status)
        );
      } catch {
        return false;
      }
    });
}
