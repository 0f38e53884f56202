/** Size limits by project quota, on ext4 and XFS: on this host where its kernel has them, else in a virtual machine with Debian's kernel. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dockerCli, runProgram } from '../support/daemon.ts';
import { findKernel, MachineRoot, runMachine } from '../vm/virtual-machine.ts';

const checkout = join(import.meta.dirname, '../..');
/** How many lines `quota-checks.sh` has to say. */
const checks = readFileSync(join(checkout, 'test/vm/quota-checks.sh'), 'utf8').match(
  /^(?:ok|says) /gm,
)?.length;
const makers = {
  ext4: ['/sbin/mkfs.ext4', '-q', '-F', '-O', 'quota,project', '-E', 'quotatype=prjquota'],
  xfs: ['/sbin/mkfs.xfs', '-q', '-f'],
} as const;

const modules = [
  ...['virtio_pci', 'virtio_blk', 'crc32c_generic', 'quota_v2', 'xfs', 'overlay'],
  ...['nf_tables', 'nft_chain_nat', 'nft_ct', 'nft_masq', 'nft_nat', 'nft_fib_inet', 'nft_reject_inet'],
];
const directory = mkdtempSync(join(tmpdir(), 'gantry-quota-'));
const said = new Map<string, string>();
let missing: string | undefined;

before(
  async () => {
    missing = await ask();
  },
  { timeout: 280_000 },
);
after(() => rmSync(directory, { recursive: true, force: true }));

async function ask(): Promise<string | undefined> {
  if (dockerCli === undefined) return 'no docker command line here';
  const kernel = await findKernel();
  if (typeof kernel === 'string') return kernel;
  const kinds = Object.entries(makers).filter(([, [program]]) => existsSync(program ?? ''));
  const disks: string[] = [];
  for (const [kind, maker] of kinds) {
    const disk = join(directory, `${kind}.img`);
    assert.equal((await runProgram(['truncate', '-s', '400M', disk])).code, 0);
    const made = await runProgram([...maker, disk]);
    assert.equal(made.code, 0, made.stderr);
    disks.push(disk);
  }
  const root = await machineRoot(
    kernel.modules,
    kinds.map(([kind]) => kind),
  );
  try {
    const output = await runMachine(kernel.image, root, disks, 260_000);
    for (const [kind] of kinds)
      said.set(
        kind,
        output.split(`=== ${kind}`)[1]?.split('===')[0]?.replaceAll('\r', '') ?? output.slice(-3000),
      );
  } finally {
    root.close();
  }
  return undefined;
}

async function machineRoot(directoryOfModules: string, kinds: readonly string[]): Promise<MachineRoot> {
  const root = new MachineRoot();
  for (const name of modules) root.module(directoryOfModules, name);
  await root.program(process.execPath, 'usr/bin/node');
  await root.program('/usr/bin/crun', 'usr/bin/crun');
  await root.program('/usr/sbin/nft', 'usr/bin/nft');
  root.copy(dockerCli ?? '', 'usr/bin/docker');
  for (const name of ['gantryd', 'walk-worker', 'view-worker', 'unpack-worker', 'archive-worker'])
    root.copy(join(checkout, `dist/${name}.js`), `g/dist/${name}.js`);
  root.write('g/package.json', '{"type":"module"}');
  for (const name of ['gantry-shim', 'gantry-init'])
    root.copy(join(checkout, 'native/build', name), `g/native/build/${name}`);
  root.copy(join(checkout, 'test/vm/quota-checks.sh'), 'checks.sh');
  root.write('etc/group', 'root:x:0:\n');
  root.write('etc/passwd', 'root:x:0:0:root:/:/bin/sh\n');
  root.write('init', moveRoot);
  root.write('run.sh', initScript(kinds));
  return root;
}

/** From the root that the kernel makes, nothing can be pivoted: runtimes want another. */
const moveRoot = `#!/bin/busybox sh
/bin/busybox mkdir -p /new
/bin/busybox mount -t tmpfs -o size=900m root /new
/bin/busybox cp -a /bin /usr /g /lib /lib64 /etc /checks.sh /run.sh /new
/bin/busybox mkdir -p /new/proc /new/sys /new/dev /new/run /new/tmp
exec /bin/busybox switch_root /new /run.sh
`;

function initScript(kinds: readonly string[]): string {
  const each = kinds.map(
    (kind, index) => `
echo "=== ${kind}"
mkdir -p /data/${kind}
mount -t ${kind} -o prjquota /dev/vd${'abc'[index]} /data/${kind} && DATA=/data/${kind} EXEC=/run/${kind} sh /checks.sh`,
  );
  return `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin:/usr/bin HOME=/tmp NODE_OPTIONS=--no-warnings
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev; mount -t tmpfs run /run; mount -t tmpfs tmp /tmp
mkdir -p /dev/pts /dev/shm; mount -t devpts pts /dev/pts
for one in ${modules.join(' ')}; do modprobe $one; done
mount -t cgroup2 cgroup /sys/fs/cgroup
ip link set lo up
mkdir -p /rootfs/bin /rootfs/tmp && cp /bin/busybox /rootfs/bin/ && for one in sh dd stat df grep; do ln -s busybox /rootfs/bin/$one; done
tar -C /rootfs -cf /tmp/rootfs.tar .
export ROOTFS=/tmp/rootfs.tar DOCKER=docker GANTRYD="node /g/dist/gantryd.js"
${each.join('\n')}
echo "==="
poweroff -f
`;
}

for (const kind of Object.keys(makers))
  test(`limits hold on ${kind}`, (context) => {
    if (missing !== undefined) return context.skip(missing);
    const text = said.get(kind);
    if (text === undefined) return context.skip(`no mkfs.${kind} here`);
    const lines = text.split('\n').filter((line) => /^(ok|FAILED) /.test(line));
    assert.deepEqual(
      lines.filter((line) => line.startsWith('FAILED')),
      [],
      text,
    );
    assert.equal(lines.length, checks, text);
    assert.match(text, /^done$/m);
  });
