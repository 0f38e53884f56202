/** What a container with default settings is kept from, seen from inside it, under each OCI runtime that is installed. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { findProgram } from '../../src/host/facts.ts';
import { type Bench, leftoverCgroups, makeBench, statusFields } from '../support/isolation-bench.ts';
import { hostFacts } from '../support/spec-input.ts';

for (const runtime of ['crun', 'runc'] as const) {
  const skip = findProgram(runtime) === undefined ? `${runtime} is not installed` : false;
  describe(`under ${runtime}`, { skip }, () => {
    let bench: Bench;
    before(() => {
      bench = makeBench(runtime);
    });
    after(async () => {
      await bench.remove();
      assert.equal(leftoverCgroups(), '');
    });

    test('capabilities and seccomp are what Docker gives', async () => {
      const status = statusFields((await bench.run(['cat', '/proc/self/status'])).stdout);
      assert.equal(status['CapEff'], '00000000a80425fb');
      assert.equal(status['CapPrm'], '00000000a80425fb');
      assert.equal(status['CapBnd'], '00000000a80425fb');
      assert.equal(status['CapInh'], '0000000000000000');
      assert.equal(status['CapAmb'], '0000000000000000');
      assert.equal(status['Seccomp'], '2');
      assert.equal(status['NoNewPrivs'], '0');
    });

    test('dangerous system calls are refused', async () => {
      const { stdout } = await bench.run(['probe']);
      const answers = Object.fromEntries(
        stdout
          .trim()
          .split('\n')
          .map((line) => line.split(' ')),
      );
      assert.deepEqual(answers, {
        keyctl: 'EPERM',
        add_key: 'EPERM',
        reboot: 'EPERM',
        unshare: 'EPERM',
        clone3: 'ENOSYS',
        bpf: 'EPERM',
        vsock: 'EPERM',
        init_module: 'EPERM',
        getpid: 'OK',
      });
    });

    test('mounting, and opening a disk through a node of its own, are refused', async () => {
      const disk = 'mknod /tmp/disk b 254 0 && (head -c 1 /tmp/disk || echo refused); rm /tmp/disk';
      const { stdout, stderr } = await bench.shell(`mount -t tmpfs none /tmp || echo no mount; ${disk}`);
      assert.equal(stdout, 'no mount\nrefused\n');
      assert.match(stderr, /disk: Operation not permitted/);
    });

    test('it is pid 1 with its own hostname and sees no path of the host', async () => {
      const { stdout } = await bench.shell(
        'echo $$; hostname; cat /proc/mounts; ls /proc | grep -c "^[0-9]"',
      );
      const lines = stdout.trim().split('\n');
      assert.deepEqual(lines.slice(0, 2), ['1', 'abababababab']);
      assert.ok(!stdout.includes(bench.directory), stdout);
      assert.ok(Number(lines.at(-1)) <= 4, 'processes of others are visible');
    });

    test('what tells of the host is masked, what acts on it is read-only', async () => {
      const script = `
        for file in /proc/keys /proc/timer_list /proc/interrupts; do [ -s $file ] && cat $file; done
        ls -A /proc/acpi /sys/firmware 2>/dev/null | grep -v : | grep .
        for file in /proc/sys/kernel/panic /proc/sysrq-trigger /sys/kernel/mm/ksm/run /sys/fs/cgroup/pids/tasks; do
          [ -e $file ] && (echo 1 >$file) && echo wrote $file
        done 2>/dev/null
        touch /sys/fs/cgroup/memory/x 2>/dev/null && echo wrote
        true`;
      assert.equal((await bench.shell(script)).stdout, '');
    });

    test('/dev has what Docker puts there', async () => {
      const { stdout } = await bench.shell(
        'ls /dev; echo; stat -c "%a %t:%T" /dev/null /dev/tty; head -c 1 /dev/zero | wc -c',
      );
      const [listed = '', checked] = stdout.split('\n\n');
      const names = listed.split('\n').filter((name) => name !== 'core');
      const expected = 'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero'.split(
        ' ',
      );
      assert.deepEqual(names, expected);
      assert.equal(checked, '666 1:3\n666 5:0\n1\n');
    });

    test('a privileged container has all that this host can give', async () => {
      const script =
        'cat /proc/self/status; mount -t tmpfs none /tmp && echo mounted; [ -e /dev/loop-control ] && echo loop';
      const { stdout } = await bench.shell(script, { host: { privileged: true } });
      const status = statusFields(stdout);
      const missing = [...hostFacts().security.kernelCapabilities].filter(
        (c) => !hostFacts().security.capabilities.has(c),
      );
      const bits = status['CapEff'] ?? '';
      assert.equal(
        missing.length === 0,
        BigInt(`0x${bits}`) === 2n ** BigInt(hostFacts().security.kernelCapabilities.size) - 1n,
      );
      assert.equal(bits, status['CapBnd']);
      assert.ok(BigInt(`0x${bits}`) > 0xa80425fbn);
      assert.equal(status['Seccomp'], '0');
      assert.match(stdout, /mounted\nloop\n$/);
    });

    test('capabilities are added and dropped, and seccomp follows', async () => {
      const host = { capAdd: ['SYS_ADMIN', 'cap_sys_time'], capDrop: ['MKNOD'] };
      const { stdout } = await bench.shell(
        'grep CapEff /proc/self/status; mount -t tmpfs none /tmp && echo mounted',
        { host },
      );
      assert.match(stdout, /CapEff:\t00000000a22425fb\nmounted\n/);
      const none = await bench.shell('grep CapEff /proc/self/status; chown 1 /tmp || echo refused', {
        host: { capDrop: ['all'] },
      });
      assert.match(none.stdout, /CapEff:\t0000000000000000\nrefused\n/);
    });

    test('seccomp=unconfined and no-new-privileges do what they say', async () => {
      const host = { securityOpt: ['seccomp=unconfined', 'no-new-privileges'] };
      const status = statusFields((await bench.run(['cat', '/proc/self/status'], { host })).stdout);
      assert.equal(status['Seccomp'], '0');
      assert.equal(status['NoNewPrivs'], '1');
    });

    test("a profile of the user's own is applied", async () => {
      const profile = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 28 }],
      };
      const host = { securityOpt: [`seccomp=${JSON.stringify(profile)}`] };
      assert.match((await bench.shell('mkdir /tmp/x', { host })).stderr, /No space left on device/);
    });
  });
}
