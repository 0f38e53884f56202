/** kill -9 of the daemon in the midst of making, connecting, disconnecting and removing networks: what is there in the end agrees with what it says. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start({
    config: { 'default-address-pools': [{ base: '10.244.0.0/16', size: 24 }] },
  });
  await daemon.ok(['network', 'create', 'home']);
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'web',
    '--network',
    'home',
    '-p',
    '80',
    'busybox',
    'sleep',
    '1000',
  ]);
});
after(() => daemon.close());

/** Interfaces of the container, loopback left out. */
async function interfaces(): Promise<number> {
  const shown = await daemon.ok(['exec', 'web', 'sh', '-c', 'ls /sys/class/net | grep -v lo']);
  return shown.split('\n').length;
}

function ownBridges(): string[] {
  return readdirSync('/sys/class/net').filter((name) => {
    try {
      return readFileSync(`/sys/class/net/${name}/ifalias`, 'utf8').trim() === `gantry:${daemon.nftTable}`;
    } catch {
      return false;
    }
  });
}

interface Shown {
  Name: string;
  Id: string;
  Containers: Record<string, object>;
}

/** Bridges, elements, interfaces and published ports are those of the networks that there are, no more and no fewer. */
async function agrees(): Promise<void> {
  const ids = (await daemon.ok(['network', 'ls', '-q', '--no-trunc', '-f', 'driver=bridge'])).split('\n');
  const networks = JSON.parse(await daemon.ok(['network', 'inspect', ...ids])) as Shown[];
  const expected = networks.map(({ Name, Id }) =>
    Name === 'bridge' ? daemon.bridge : `br-${Id.slice(0, 12)}`,
  );
  assert.deepEqual(ownBridges().sort(), expected.sort());
  const table = execFileSync('nft', ['list', 'table', 'inet', daemon.nftTable]).toString();
  const known = new Set(table.match(/br-[0-9a-f]{12}/g));
  assert.deepEqual([...known].sort(), expected.filter((name) => name.startsWith('br-')).sort());
  const joined = networks.filter(({ Containers }) => Object.keys(Containers).length > 0);
  const format = '{{json .NetworkSettings}}';
  const { Networks, Ports } = JSON.parse(await daemon.ok(['inspect', '-f', format, 'web'])) as {
    Networks: Record<string, object>;
    Ports: Record<string, Array<{ HostPort: string }>>;
  };
  assert.deepEqual(joined.map(({ Name }) => Name).sort(), Object.keys(Networks).sort());
  assert.equal(await interfaces(), joined.length);
  const bindings = Ports['80/tcp'] ?? [];
  assert.ok(bindings.length > 0, 'the port is published');
  const port = bindings[0]?.HostPort;
  /* Once for each family of the network that it is published by. */
  assert.equal(table.split(`tcp . ${port} :`).length, bindings.length + 1, `port ${port} is published once`);
}

/** The steps of one round, each begun where the last ended; the daemon dies `ms` after the first began. */
const steps: string[][] = [
  ['network', 'create', '--ipv6', 'extra'],
  ['network', 'connect', '--gw-priority', '9', 'extra', 'web'],
  ['network', 'disconnect', 'extra', 'web'],
  ['network', 'rm', 'extra'],
];

for (const ms of [4, 10, 16, 22, 30, 40, 52, 66, 80, 100]) {
  test(`killed after ${ms} ms`, async () => {
    const working = (async () => {
      for (const step of steps) await daemon.docker(step, { timeout: 10_000 });
    })();
    await sleep(ms);
    await daemon.kill9();
    await working;
    await daemon.launch();
    await agrees();
    await daemon.docker(['network', 'disconnect', 'extra', 'web']);
    await daemon.docker(['network', 'rm', 'extra']);
    await agrees();
  });
}
