/** gantry beside the stock docker CLI: the same flags, the same requests, the same output on the same daemon. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commands } from '../../src/cli/command-table.ts';
import { type CommandResult, dockerCli, runProgram, TestDaemon } from '../support/daemon.ts';

const docker = dockerCli;
const skip = docker === undefined ? 'this host has no docker CLI' : false;

/** Flags of docker's that stand for what Gantry doesn't have: swarm's volumes, Windows. */
const absent = new Set([
  'volume create: availability, group, limit-bytes, required-bytes, scope, secret, sharing, topology-preferred, topology-required, type',
  'volume ls: cluster',
]);

function flagsOf(help: string): Map<string, string> {
  const found = help.matchAll(/^ {2}(?:(-\w), | {4})--([\w-]+)/gm);
  return new Map([...found].map(([, short = '', name = '']) => [name, short]));
}

describe('flags', { skip }, () => {
  /* Gantry's own. */
  const own = /^(?:builder (?:du|shell)|completion|monitor|socket|undo) /;
  const shared = commands.filter(({ names }) => !own.test(`${names[0]} `));
  for (const { names } of shared) {
    const [name = ''] = names;
    test(`gantry ${name} has docker's flags`, async () => {
      const theirs = flagsOf((await runProgram([docker ?? '', ...name.split(' '), '--help'])).stdout);
      const ours = new Map(flagsOf((await runProgram(['bin/gantry', ...name.split(' '), '--help'])).stdout));
      const command = await commands.find((entry) => entry.names[0] === name)?.load();
      for (const [flag, spec] of Object.entries(command?.flags ?? {}))
        ours.set(flag, spec.short === undefined ? '' : `-${spec.short}`);
      theirs.delete('help');
      const missing = [...theirs].filter(([flag, short]) => ours.get(flag) !== short).map(([flag]) => flag);
      const excused =
        [...absent]
          .find((line) => line.startsWith(`${name}: `))
          ?.slice(name.length + 2)
          .split(', ') ?? [];
      assert.deepEqual(
        missing.filter((flag) => !excused.includes(flag)),
        [],
      );
    });
  }
});

describe('requests', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'gantry-parity-'));
  const host = `unix://${folder}/s.sock`;
  const bodies: unknown[] = [];
  let server: Server;
  before(async () => {
    writeFileSync(`${folder}/env`, '# comment\nA=1\nHOME\nNOPE_NOPE\n  B=x y \n');
    writeFileSync(`${folder}/labels`, 'x=1\ny\n');
    writeFileSync(`${folder}/seccomp.json`, '{"defaultAction": "SCMP_ACT_ALLOW"}');
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        response
          .setHeader('Api-Version', '1.51')
          .setHeader('OSType', 'linux')
          .setHeader('Content-Type', 'application/json');
        if (request.url?.endsWith('/_ping') === true) response.end('OK');
        else if (request.url?.includes('/containers/create') === true) {
          const body = JSON.parse(Buffer.concat(chunks).toString());
          // Docker's client walks maps here, in no order.
          body.HostConfig.Binds?.sort();
          body.Env?.sort();
          bodies.push(request.url.replace(/^\/v[\d.]+/, ''), body);
          response.writeHead(201).end('{"Id":"abc","Warnings":[]}');
        } else response.writeHead(404).end('{"message":"no"}');
      });
    });
    await new Promise<void>((resolve) => server.listen(`${folder}/s.sock`, resolve));
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function create(client: string, args: string[]): Promise<CommandResult & { bodies: unknown[] }> {
    bodies.length = 0;
    const result = await runProgram([client, '-H', host, 'create', ...args]);
    return {
      ...result,
      stderr: result.stderr.replaceAll('docker', 'gantry').replaceAll('Docker', 'Gantry'),
      bodies: [...bodies],
    };
  }

  const taken = [
    'busybox ls -l --all',
    '-it busybox sh',
    '-a stdin -i busybox',
    '--name x --platform linux/amd64 busybox',
    '-p 80 -p 8080:81 -p 127.0.0.1:9000-9002:9000-9002/udp -p [::1]:5:6 -p 8000-8010:82 -p published=90,target=91 busybox',
    '--expose 90 --expose 95-97/udp -P busybox',
    '-v /a:/b:ro -v vol:/c -v /anon -v ./rel:/r --tmpfs /q:size=5m --volumes-from x:ro busybox',
    '--mount type=bind,src=/x,dst=/y,ro --mount type=tmpfs,dst=/t,tmpfs-size=10m,tmpfs-mode=1770 busybox',
    '--mount type=volume,src=vv,dst=/vv,volume-nocopy,volume-driver=local,volume-opt=a=b,volume-label=x=y busybox',
    '--network foo --network bar --ip 1.2.3.4 --link a:b --network-alias q --mac-address 92:d0:c6:0a:29:33 busybox',
    '--network name=foo,alias=a,alias=b,driver-opt=a=b,gw-priority=3 busybox',
    '--network host busybox',
    '--ulimit nofile=10:20 --ulimit core=-1 -m 64m --memory-swap -1 --cpus 1.5 -c 512 --pids-limit 100 busybox',
    '--health-cmd true --health-interval 5s --health-retries 3 --health-start-period 1m busybox',
    '--no-healthcheck busybox',
    '--log-driver json-file --log-opt max-size=1m --restart on-failure:3 busybox',
    '--gpus all busybox',
    '--device /dev/null:/dev/x:rw --device /dev/zero:rm --device-read-bps /dev/sda:1mb --blkio-weight-device /dev/sda:100 busybox',
    '--init --privileged --cap-add sys_admin --cap-drop ALL --read-only busybox',
    '--security-opt no-new-privileges --security-opt seccomp=FOLDER/seccomp.json --security-opt systempaths=unconfined busybox',
    '--sysctl net.ipv4.ip_forward=1 --storage-opt size=1G --shm-size 64k --stop-timeout 3 --stop-signal SIGINT busybox',
    '-l a=b -l c --label-file FOLDER/labels -e A=b -e HOME -e NOSUCH --env-file FOLDER/env busybox',
    '--add-host h:1.2.3.4 --add-host x:host-gateway --dns 1.1.1.1 --dns-option ndots:1 --dns-search a.b busybox',
    '--pid host --ipc host --uts host --userns host --cgroupns private --runtime runsc --cgroup-parent /x busybox',
    '-h host --domainname d -u 1:2 -w /x --group-add 5 --entrypoint foo --annotation x=y busybox',
  ];
  for (const line of taken) {
    test(`create ${line}`, async () => {
      const args = line.replaceAll('FOLDER', folder).split(' ');
      const theirs = await create(docker ?? '', args);
      const ours = await create('bin/gantry', args);
      assert.deepEqual(ours, theirs);
      assert.equal(theirs.code, 0);
    });
  }

  const refused = [
    '--foo busybox',
    '-x busybox',
    '--name',
    '--rm=maybe busybox',
    '-m 5z busybox',
    '--cpus abc busybox',
    '-p 99999:80 busybox',
    '-p 80-82:80-81 busybox',
    '--expose abc busybox',
    '-v /a:/b:/c:/d busybox',
    '--mount foo busybox',
    '--mount type=bind,src=/a busybox',
    '--network name=foo,zork=1 busybox',
    '--network foo --network bridge busybox',
    '--ulimit zork=3 busybox',
    '--rm --restart always busybox',
    '--restart on-failure:x busybox',
    '--gpus foo busybox',
    '--device a:b:c:d busybox',
    '--security-opt foo busybox',
    '--env-file /nope busybox',
    '-e =x busybox',
    '--dns x busybox',
    '--add-host x busybox',
    '--pid zork busybox',
    '--pull foo busybox',
    '--health-interval -1s busybox',
    'BUSYBOX',
    '',
  ];
  for (const line of refused) {
    test(`create ${line} is refused`, async () => {
      const args = line.split(' ').filter(Boolean);
      const theirs = await create(docker ?? '', args);
      const ours = await create('bin/gantry', args);
      assert.deepEqual(ours, theirs);
      assert.notEqual(theirs.code, 0);
    });
  }
});

describe('output', { skip }, () => {
  let daemon: TestDaemon;
  /** Both speak the API's version that docker's client knows: newer ones have more to say. */
  let env: Record<string, string> = {};
  before(async () => {
    daemon = await TestDaemon.start();
    env = { DOCKER_API_VERSION: await daemon.ok(['version', '--format', '{{.Client.APIVersion}}']) };
    const command = ['sh', '-c', 'echo out; echo err >&2; sleep 600'];
    const flags = [
      '-p',
      '127.0.0.1:18080:80',
      '-l',
      'a.b/c-d=x',
      '-l',
      'z=1',
      '-v',
      'parity:/data',
      '-e',
      'A=b',
    ];
    await daemon.ok(['run', '-d', '--name', 'web', ...flags, 'busybox', ...command]);
    await daemon.ok(['run', '--name', 'done', 'busybox', 'true']);
  });
  after(() => daemon.close());

  const lines = [
    ['ps'],
    ['ps', '-a', '--no-trunc'],
    ['ps', '-s'],
    ['ps', '-aq'],
    ['ps', '-a', '--filter', 'status=exited', '--format', 'json'],
    ['ps', '-a', '--format', '{{json .}}'],
    ['ps', '-a', '--format', 'table {{.Names}}\\t{{.Ports}}\\t{{.Label "a.b/c-d"}}'],
    [
      'ps',
      '--format',
      '{{printf "%-10s|" .Names}}{{upper .State}} {{truncate .ID 3}}{{range split .Labels ","}}[{{.}}]{{end}}',
    ],
    ['images'],
    ['images', '--digests', '--no-trunc'],
    ['images', '--format', '{{json .}}'],
    ['history', 'busybox'],
    ['history', '--no-trunc', '-H=false', 'busybox'],
    ['port', 'web'],
    ['port', 'web', '80/tcp'],
    ['port', 'web', '81'],
    ['top', 'web', '-o', 'pid,comm'],
    ['logs', 'web'],
    ['logs', '-t', '--tail', '1', 'web'],
    ['exec', 'web', 'sh', '-c', 'exit 9'],
    ['exec', '-e', 'X=y', '-w', '/tmp', '-u', '1', 'web', 'sh', '-c', 'echo $X; pwd; id -u'],
    ['inspect', 'web'],
    ['inspect', 'web', 'no-such-thing'],
    ['inspect', '-f', '{{.State.Running}} {{.Config.Env}} {{json .Config.Labels}} {{len .Mounts}}', 'web'],
    ['inspect', '-f', '{{(index (index .NetworkSettings.Ports "80/tcp") 0).HostPort}}', 'web'],
    [
      'inspect',
      '-f',
      '{{range .Mounts}}{{.Type}}:{{.Destination}}{{end}}{{if .State.Health}}x{{end}}',
      'web',
    ],
    ['image', 'inspect', 'busybox'],
    ['volume', 'ls'],
    ['volume', 'inspect', 'parity'],
    ['network', 'ls', '--no-trunc'],
    ['network', 'inspect', 'bridge'],
    ['version', '--format', '{{.Server.Version}} {{.Server.APIVersion}} {{.Server.Os}}/{{.Server.Arch}}'],
    ['info', '--format', '{{.Driver}} {{.NCPU}} {{.CgroupVersion}} {{.ServerVersion}}'],
    ['system', 'df'],
    ['events', '--since', '1h', '--until', '0s', '--filter', 'container=done'],
    ['rm', 'no-such-thing'],
    ['stop', 'no-such-thing'],
    ['start', 'no-such-thing'],
    ['rename', 'web', 'done'],
    ['attach', 'done'],
    ['kill', '-s', 'ZORK', 'web'],
    ['wait', 'done'],
    ['rmi', 'no-such-thing'],
    ['tag', 'busybox', 'A'],
    ['run', '--rm', 'no-such-flag-here:1:2'],
    ['run', '--rm', '--name', 'web', 'busybox'],
    ['run', '--rm', 'busybox', 'sh', '-c', 'kill -9 $$'],
  ];
  for (const args of lines) {
    test(args.join(' '), async () => {
      // `--until 0s` is cut to the second: the events must all be older than that.
      if (args[0] === 'events') await sleep(1100);
      // Ages in words may turn between the two.
      for (let attempt = 1; ; attempt += 1) {
        const theirs = await runProgram([docker ?? '', '-H', daemon.host, ...args]);
        const ours = await runProgram(['bin/gantry', '-H', daemon.host, ...args], { env });
        const renamed = (text: string) =>
          text.replaceAll('docker:', 'gantry:').replaceAll("'docker ", "'gantry ");
        try {
          assert.deepEqual({ ...ours, stderr: ours.stderr }, { ...theirs, stderr: renamed(theirs.stderr) });
          return;
        } catch (error) {
          if (attempt === 3) throw error;
        }
      }
    });
  }
});
