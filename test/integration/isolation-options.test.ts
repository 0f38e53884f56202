/** Options of `docker run` that change a container's isolation, seen from inside it. */
import assert from 'node:assert/strict';
import { mkdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type Bench, leftoverCgroups, makeBench } from '../support/isolation-bench.ts';
import { hostFacts } from '../support/spec-input.ts';

describe('options', () => {
  let bench: Bench;
  before(() => {
    bench = makeBench('crun');
  });
  after(async () => {
    await bench.remove();
    assert.equal(leftoverCgroups(), '');
  });
  const say = async (script: string, changes: Parameters<Bench['shell']>[1]) => {
    const { stdout, stderr } = await bench.shell(script, changes);
    return `${stdout}${stderr}`.trim();
  };

  test('--read-only leaves only the temporary places writable', async () => {
    const script = 'for d in / /etc /tmp /dev/shm /run2; do touch $d/x 2>/dev/null && echo $d; done; true';
    mkdirSync(join(bench.directory, 'root/run2'));
    assert.equal(
      await say(script, { host: { readonlyRootfs: true, tmpfs: { '/run2': '' } } }),
      '/dev/shm\n/run2',
    );
  });

  test('--tmpfs has Docker’s options, unless told otherwise', async () => {
    const script = "grep -E ' /(a|b) ' /proc/mounts | cut -d ' ' -f 2,4; stat -c %a /b";
    const tmpfs = { '/a': '', '/b': 'exec,size=1m,mode=0700' };
    const lines = (await say(script, { host: { tmpfs } })).split('\n');
    assert.match(lines[0] ?? '', /^\/a rw,nosuid,nodev,noexec,relatime/);
    assert.match(lines[1] ?? '', /^\/b rw,nosuid,nodev,relatime,size=1024k,mode=700/);
    assert.equal(lines[2], '700');
  });

  test('--shm-size', async () => {
    assert.equal(
      await say("df -k /dev/shm | awk 'END { print $2 }'", { host: { shmSize: 8 * 1024 * 1024 } }),
      '8192',
    );
  });

  test('--user by name, by number and with groups; HOME follows', async () => {
    const script = 'echo $(id -u):$(id -g) $(id -G) $HOME; grep CapEff /proc/self/status';
    const none = 'CapEff:\t0000000000000000';
    const as = (user: string, groupAdd: string[] = []) =>
      say(script, { config: { user }, host: { groupAdd } });
    assert.equal(await as('alice'), `1000:1000 1000 29 /home/alice\n${none}`);
    assert.equal(await as('1234:44'), `1234:44 44 /\n${none}`);
    assert.equal(await as('alice:video', ['audio', '777']), `1000:44 44 29 777 /home/alice\n${none}`);
  });

  test('--ulimit: lowered as asked, raised as far as the host lets it', async () => {
    const limits = [
      { name: 'nofile', soft: 64, hard: 128 },
      { name: 'core', soft: -1, hard: -1 },
      { name: 'nproc', soft: 10 ** 7, hard: 10 ** 7 },
    ];
    const script =
      'ulimit -Sn; ulimit -Hn; ulimit -Hc; grep processes /proc/self/limits | tr -s " " | cut -d " " -f 4';
    const mayRaise = hostFacts().security.capabilities.has('CAP_SYS_RESOURCE');
    const processes = mayRaise ? 10 ** 7 : Math.min(hostFacts().hardLimits['nproc'] ?? 10 ** 7, 10 ** 7);
    assert.equal(await say(script, { host: { ulimits: limits } }), `64\n128\nunlimited\n${processes}`);
  });

  test('--sysctl, and the network’s defaults', async () => {
    const script =
      'cat /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/net/core/somaxconn';
    const sysctls = { 'kernel.msgmax': '12345', 'net.core.somaxconn': '321' };
    assert.equal(await say(script, { host: { sysctls } }), '12345\n0\n321');
  });

  test('--pid=host and --uts=host share, --ipc=none has no shared memory', async () => {
    const pid = await say('readlink /proc/self/ns/pid; ls -d /dev/shm 2>&1', {
      host: { pidMode: 'host', ipcMode: 'none' },
    });
    assert.equal(pid.split('\n')[0], readlinkSync('/proc/self/ns/pid'));
    assert.match(pid, /No such file/);
    const uts = await say('hostname', { host: { utsMode: 'host' } });
    assert.equal(uts, hostFacts().hostname);
  });

  test('a namespace of another process is joined', async () => {
    const join = { ipc: { pid: process.pid } };
    const changes = { host: { ipcMode: 'container:x' }, input: { join } };
    assert.equal(await say('readlink /proc/self/ns/ipc', changes), readlinkSync('/proc/self/ns/ipc'));
  });

  test('--device makes the node and lets it be used', async () => {
    const loop = { pathOnHost: '/dev/loop-control', pathInContainer: '/dev/mine', cgroupPermissions: 'r' };
    const script =
      'stat -c "%F %t:%T" /dev/mine; (: </dev/mine) && echo read; (: >>/dev/mine) || echo not written';
    const answer = await say(script, { host: { devices: [loop] } });
    assert.match(answer, /^character special file a:ed\nread\nnot written/);
  });

  test('--device-cgroup-rule opens what was closed', async () => {
    const script =
      'mknod /tmp/loop c 10 237; (: </tmp/loop) 2>/dev/null && echo open || echo closed; rm /tmp/loop';
    assert.equal(await say(script, {}), 'closed');
    assert.equal(await say(script, { host: { deviceCgroupRules: ['c 10:237 rw'] } }), 'open');
  });

  test('binds are read-only and propagate as asked; the network’s files are there', async () => {
    const source = join(bench.directory, 'data');
    mkdirSync(source);
    writeFileSync(join(source, 'hosts'), '127.0.0.1 localhost\n');
    const mount = {
      type: 'bind' as const,
      source,
      destination: '/data',
      mode: 'ro',
      readWrite: false,
      propagation: 'rslave',
    };
    const changes = { input: { mounts: [mount], files: { hosts: join(source, 'hosts') } } };
    const script =
      'cat /etc/hosts; touch /data/x 2>/dev/null || echo read-only; echo "::1 me" >>/etc/hosts && echo added';
    assert.equal(await say(script, changes), '127.0.0.1 localhost\nread-only\nadded');
  });

  test('--oom-score-adj, raised', async () => {
    assert.equal(await say('cat /proc/self/oom_score_adj', { host: { oomScoreAdj: 321 } }), '321');
  });

  test('--security-opt systempaths=unconfined shows what is hidden', async () => {
    const script =
      'head -n 1 /proc/timer_list | grep -q Version && echo shown; grep -c "^proc /proc/sys " /proc/mounts; true';
    assert.equal(await say(script, { host: { securityOpt: ['systempaths=unconfined'] } }), 'shown\n0');
  });

  test('--cgroupns=private hides where the cgroup is', async () => {
    assert.match(
      await say('grep memory /proc/self/cgroup', { host: { cgroupnsMode: 'private' } }),
      /:memory:\/$/,
    );
  });
});
