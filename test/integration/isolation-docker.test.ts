/** What a container can and cannot do, seen from inside, through the daemon and the docker CLI. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { TestDaemon } from '../support/daemon.ts';

let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
});
after(async () => {
  await daemon.close();
});

function inside(script: string, ...flags: string[]): Promise<string> {
  return daemon.ok(['run', '--rm', ...flags, 'busybox', 'sh', '-c', `{ ${script}; } 2>&1; true`]);
}

test('it is PID 1 with a hostname of its own, and sees no other process', async () => {
  assert.equal(
    await inside('echo $$; hostname; echo /proc/[0-9]*', '--hostname', 'boxed'),
    '1\nboxed\n/proc/1',
  );
});

test('no path of the host is in /proc/mounts', async () => {
  await daemon.ok(['volume', 'create', 'secretive']);
  const mounts = await inside('cat /proc/mounts', '-v', 'secretive:/data');
  assert.match(mounts, /^overlay \/ overlay /);
  assert.ok(!mounts.includes(daemon.root), mounts);
  await daemon.ok(['volume', 'rm', 'secretive']);
});

test("capabilities and seccomp mode are Docker's", async () => {
  const status = await inside('grep -E "^(CapEff|CapBnd|Seccomp|NoNewPrivs):" /proc/self/status');
  assert.deepEqual(
    status.split('\n').map((line) => line.split(/\s+/).join(' ')),
    ['CapEff: 00000000a80425fb', 'CapBnd: 00000000a80425fb', 'NoNewPrivs: 0', 'Seccomp: 2'],
  );
  assert.match(await inside('grep Seccomp: /proc/self/status', '--security-opt', 'seccomp=unconfined'), /0$/);
});

test('mounting, rebooting, raw devices and the kernel’s log are refused', async () => {
  assert.match(await inside('mount -t tmpfs none /tmp'), /permission denied|not permitted/);
  assert.match(await inside('reboot -f'), /not permitted/i);
  assert.match(await inside('mknod /disk b 254 0 && cat /disk'), /not permitted/);
  assert.match(await inside('echo 1 >/proc/sys/kernel/panic'), /Read-only file system/);
  assert.equal(await inside('cat /proc/keys | wc -c'), '0');
});

test('--memory 64m ends a hog with 137 and OOMKilled', async () => {
  const hog = 'x=a; while :; do x="$x$x$x$x"; done';
  const result = await daemon.docker([
    'run',
    '--name',
    'hog',
    '--memory',
    '64m',
    '--memory-swap',
    '64m',
    'busybox',
    'sh',
    '-c',
    hog,
  ]);
  assert.equal(result.code, 137);
  assert.equal(
    await daemon.ok(['inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'hog']),
    'true 137',
  );
  const until = String(Date.now() / 1000 + 1);
  assert.match(
    await daemon.ok([
      'events',
      '--since',
      '60s',
      '--until',
      until,
      '--filter',
      'container=hog',
      '--format',
      '{{.Action}}',
    ]),
    /^oom$/m,
  );
  await daemon.ok(['rm', 'hog']);
});

test('--pids-limit stops a fork bomb, and the container can be removed', async () => {
  await daemon.ok([
    'run',
    '-d',
    '--name',
    'bomb',
    '--pids-limit',
    '20',
    'busybox',
    'sh',
    '-c',
    'while :; do sleep 100 & done',
  ]);
  await daemon.docker(['exec', 'bomb', 'true']);
  const { stdout } = await daemon.docker(['top', 'bomb', '-eo', 'pid,comm']);
  assert.ok(stdout.split('\n').length <= 23, stdout);
  await daemon.ok(['rm', '-f', 'bomb']);
});

test('limits reach the kernel', async () => {
  const limits = [
    '--cpus',
    '0.5',
    '--cpu-shares',
    '512',
    '--cpuset-cpus',
    '0',
    '--memory',
    '100m',
    '--ulimit',
    'nofile=100:200',
  ];
  assert.equal(
    await inside('ulimit -n; nproc; grep Cpus_allowed_list /proc/self/status', ...limits),
    '100\n1\nCpus_allowed_list:\t0',
  );
});

test('--read-only, --tmpfs, --user, --group-add, --device, --sysctl, --init', async () => {
  assert.match(
    await inside('touch /x; touch /t/y && echo written', '--read-only', '--tmpfs', '/t'),
    /Read-only file system\nwritten$/,
  );
  assert.equal(await inside('id -u; id -g; id -G', '--user', '7:8', '--group-add', '9'), '7\n8\n8 9');
  assert.match(await inside('ls -l /dev/zz', '--device', '/dev/null:/dev/zz:r'), /^crw.* 1, +3 .*\/dev\/zz$/);
  assert.equal(
    await inside(
      'cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/msgmax',
      '--sysctl',
      'kernel.msgmax=9999',
    ),
    '1\n9999',
  );
  assert.match(await inside('ps -o pid,args', '--init'), /^\s*1 \/sbin\/docker-init -- sh/m);
});

test('--privileged gives all that the host has', async () => {
  const result = await daemon.docker([
    'run',
    '--rm',
    '--privileged',
    'busybox',
    'sh',
    '-c',
    'mount -t tmpfs none /mnt 2>/dev/null || mkdir /mnt && mount -t tmpfs none /mnt; grep -c /mnt /proc/mounts; ls /dev | wc -l; grep Seccomp: /proc/self/status',
  ]);
  assert.equal(result.code, 0, result.stderr);
  const [mounts, devices, seccomp] = result.stdout.trim().split('\n');
  assert.ok(Number(mounts) >= 1 && Number(devices) > 15, result.stdout);
  assert.match(seccomp ?? '', /\t0$/);
});

test('namespaces are shared where that is asked for', async () => {
  await daemon.ok(['run', '-d', '--name', 'owner', '--ipc', 'shareable', 'busybox', 'sleep', '1000']);
  assert.match(await inside('ps', '--pid', 'container:owner'), /sleep 1000/);
  const address = await daemon.ok(['inspect', '-f', '{{.NetworkSettings.IPAddress}}', 'owner']);
  assert.match(await inside('ip addr', '--network', 'container:owner'), new RegExp(`${address}/`));
  assert.doesNotMatch(await inside('ip addr', '--network', 'none'), /eth0/);
  assert.match(await inside('ip addr', '--network', 'host'), new RegExp(daemon.bridge));
  await daemon.ok(['rm', '-f', 'owner']);
});
