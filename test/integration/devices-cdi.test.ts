/** Devices by CDI documents, by the stock command line: what a vendor's document says is done, and what is not there is said. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
const directory = mkdtempSync(join(tmpdir(), 'gantry-cdi-'));

const gpu = `
cdiVersion: "0.6.0"
kind: nvidia.com/gpu
containerEdits:
  env: [DRIVER=550]
  hooks:
    - hookName: createContainer
      path: /bin/sh
      args: [sh, -c, "echo hooked > ${directory}/hooked"]
devices:
  - name: "0"
    containerEdits:
      env: [GPU=first]
      deviceNodes: [{path: /dev/gpu0, hostPath: /dev/zero}]
      additionalGids: [4242]
  - name: "1"
    containerEdits:
      deviceNodes: [{path: /dev/gpu1, type: c, major: 1, minor: 8, fileMode: 292, permissions: r}]
`;

const other = {
  cdiVersion: '0.5.0',
  kind: 'example.com/net',
  devices: [
    {
      name: 'card',
      containerEdits: {
        mounts: [{ hostPath: directory, containerPath: '/opt/card', options: ['ro', 'rbind'] }],
      },
    },
  ],
};

before(async () => {
  writeFileSync(join(directory, 'nvidia.yaml'), gpu);
  writeFileSync(join(directory, 'other.json'), JSON.stringify(other));
  writeFileSync(join(directory, 'broken.json'), '{"kind": "no"}');
  daemon = await TestDaemon.start({ flags: ['--cdi-spec-dir', directory] });
});
after(async () => {
  await daemon.close();
  rmSync(directory, { recursive: true, force: true });
});

function run(flags: readonly string[], script: string) {
  return daemon.docker(['run', '--rm', ...flags, 'busybox', 'sh', '-c', script]);
}

test('variables, nodes, groups, mounts and hooks of devices that are named', async () => {
  const result = await run(
    ['--device', 'nvidia.com/gpu=0', '--device', 'example.com/net=card'],
    'echo $DRIVER $GPU; head -c 4 /dev/gpu0 | wc -c; id -G; cat /opt/card/hooked; touch /opt/card/x 2>&1 | grep -c Read-only',
  );
  assert.equal(result.stderr, '');
  const [variables, bytes, groups, hooked, readOnly] = result.stdout.split('\n');
  assert.deepEqual([variables, bytes, hooked, readOnly], ['550 first', '4', 'hooked', '1']);
  assert.match(groups ?? '', /\b4242\b/);
});

test('--gpus takes all, so many, or those that are named', async () => {
  const list = 'ls /dev | grep gpu | tr "\\n" " "';
  assert.equal((await run(['--gpus', 'all'], list)).stdout, 'gpu0 gpu1 ');
  assert.equal((await run(['--gpus', '1'], list)).stdout, 'gpu0 ');
  assert.equal((await run(['--gpus', 'device=1'], list)).stdout, 'gpu1 ');
  assert.match((await run(['--gpus', '3'], list)).stderr, /unresolvable CDI devices nvidia.com\/gpu=2/);
});

test('devices and drivers that nobody has are named', async () => {
  const missing = await run(['--device', 'nvidia.com/gpu=9'], 'true');
  assert.equal(missing.code, 125);
  assert.match(missing.stderr, /CDI device injection failed: unresolvable CDI devices nvidia.com\/gpu=9/);
  const driver = await run(['--gpus', 'driver=acme'], 'true');
  assert.match(driver.stderr, /could not select device driver "acme" with capabilities: \[\[gpu\]\]/);
  assert.match(daemon.log(), /broken.json is left out/);
});

test('info tells the directories and the devices in them', async () => {
  const [directories, devices] = (
    await daemon.ok(['info', '-f', '{{json .CDISpecDirs}} {{json .DiscoveredDevices}}'])
  ).split(' ');
  assert.deepEqual(JSON.parse(directories ?? ''), [directory]);
  assert.deepEqual(
    JSON.parse(devices ?? '')
      .map((one: { ID: string }) => one.ID)
      .sort(),
    ['example.com/net=card', 'nvidia.com/gpu=0', 'nvidia.com/gpu=1'],
  );
});
