/** `npm run bench`: the figures of docs/performance.md, Gantry and dockerd side by side in one run, on an otherwise idle host. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { measureArchives, measureContext, measureStages, measureSteps } from './build.ts';
import { cliPath, type Peer, removeAll, startDockerd, startGantry } from './engines.ts';
import {
  commandMs,
  elapsedMs,
  inParallel,
  pidsMatching,
  proportionalBytes,
  residentBytes,
  runQuietly,
} from './measure.ts';
import { measurePorts } from './network.ts';
import { registryThroughput, registryWorks } from './registry.ts';
import { measureShipping, plainArchive } from './ship.ts';
import { measureThroughput, type Throughput } from './throughput.ts';

const { values: options } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    runs: { type: 'string', default: '20' },
    json: { type: 'string' },
  },
});
const runs = Number(options.runs);
const cache = process.env['GANTRY_BENCH_DIR'] ?? join(tmpdir(), 'gantry-bench');

interface Context {
  peer: Peer;
  docker: (...args: string[]) => string[];
}

type Unit = 'ms' | 'MB' | 'per s' | 'Gbit/s';

interface Measurement {
  name: string;
  unit: Unit;
  measure(context: Context): number | Promise<number>;
}

const run = (network: string): Measurement => ({
  name: `run --rm busybox true, ${network}`,
  unit: 'ms',
  measure: ({ docker }) => commandMs(docker('run', '--rm', '--network', network, 'busybox', 'true'), runs),
});

const sleeper = ['busybox', 'sleep', '1000'];

async function manyContainers({ docker }: Context, count: number): Promise<number> {
  return elapsedMs(() => inParallel(count, 10, () => runQuietly(docker('run', '-d', ...sleeper))));
}

function daemonBytes({ peer }: Context): number {
  const others =
    peer.name === 'dockerd' ? pidsMatching(/^containerd --config/) : pidsMatching(/gantry-shim launcher/);
  return [peer.pid, ...others].reduce((sum, pid) => sum + residentBytes(pid), 0) / 1e6;
}

function shimBytes({ peer }: Context): number {
  const pattern =
    peer.name === 'dockerd' ? /containerd-shim-runc-v2 -namespace/ : /^gantry-shim(?!.*launcher)/;
  const pids = pidsMatching(pattern);
  return pids.reduce((sum, pid) => sum + proportionalBytes(pid), 0) / Math.max(pids.length, 1) / 1e6;
}

const measurements: Measurement[] = [
  { name: 'docker ps, the CLI alone', unit: 'ms', measure: ({ docker }) => commandMs(docker('ps'), runs) },
  {
    name: 'ps by the own command line: docker ps, gantry ps',
    unit: 'ms',
    measure: ({ peer, docker }) =>
      commandMs(peer.name === 'gantry' ? ['dist/gantry', '-H', peer.host, 'ps'] : docker('ps'), runs),
  },
  run('bridge'),
  run('none'),
  run('host'),
  {
    name: 'run --rm -p 80 busybox true',
    unit: 'ms',
    measure: ({ docker }) => commandMs(docker('run', '--rm', '-p', '80', 'busybox', 'true'), runs),
  },
  {
    name: 'exec of true',
    unit: 'ms',
    async measure({ docker }) {
      await runQuietly(docker('run', '-d', '--name', 'bench-exec', ...sleeper));
      return commandMs(docker('exec', 'bench-exec', 'true'), runs);
    },
  },
  {
    name: '50 run -d on a bridge, ten at a time',
    unit: 'ms',
    measure: (context) => manyContainers(context, 50),
  },
  {
    name: 'GET /containers/json with curl, 50 running',
    unit: 'ms',
    measure: ({ peer }) =>
      commandMs(
        [
          'curl',
          '-s',
          '-o',
          '/dev/null',
          '--unix-socket',
          peer.host.slice('unix://'.length),
          'http://d/containers/json',
        ],
        runs,
      ),
  },
  { name: 'daemon and its helper, resident, 50 running', unit: 'MB', measure: daemonBytes },
  { name: 'shim per container, proportional', unit: 'MB', measure: shimBytes },
  {
    name: '300 MB of short lines through run to the client',
    unit: 'ms',
    measure: ({ docker }) =>
      elapsedMs(() =>
        runQuietly(
          docker(
            'run',
            '--rm',
            'busybox',
            'sh',
            '-c',
            'yes 0123456789abcdef0123456789abcde | head -c 300000000',
          ),
        ),
      ),
  },
];

/** Rounds of pulls and pushes: each moves gigabytes. */
const shipRounds = Math.min(3, runs);
const shipped = new Map<string, ReturnType<typeof measureShipping>>();

/** One run of all three for a peer. */
function shipping(context: Context): ReturnType<typeof measureShipping> {
  const { name } = context.peer;
  const known = shipped.get(name) ?? measureShipping(context, cache, shipRounds);
  shipped.set(name, known);
  return known;
}

measurements.push(
  {
    name: 'ship: pull of 986 MB in 3 layers',
    unit: 'ms',
    measure: async (context) => (await shipping(context)).pull,
  },
  {
    name: 'ship: push of what was pulled, to another registry',
    unit: 'ms',
    measure: async (context) => (await shipping(context)).push,
  },
  {
    name: 'ship: push of the same, loaded without compression',
    unit: 'ms',
    measure: async (context) => (await shipping(context)).pushPlain,
  },
);

const ports = new Map<string, ReturnType<typeof measurePorts>>();

/** One run of both for a peer; after it nothing of it is left. */
function publishing({ peer, docker }: Context): ReturnType<typeof measurePorts> {
  const known = ports.get(peer.name) ?? measurePorts(docker, runs);
  ports.set(peer.name, known);
  return known;
}

measurements.push(
  {
    name: 'network: run -d with 1,000 published ports',
    unit: 'ms',
    measure: async (context) => (await publishing(context)).thousand,
  },
  {
    name: 'network: run --rm -p 80 busybox true beside 1,000 published ports',
    unit: 'ms',
    measure: async (context) => (await publishing(context)).oneMore,
  },
);

const steps = new Map<string, ReturnType<typeof measureSteps>>();

/** Both builds of the twenty steps, once a peer. */
function building({ peer, docker }: Context): ReturnType<typeof measureSteps> {
  const known = steps.get(peer.name) ?? measureSteps(docker);
  steps.set(peer.name, known);
  return known;
}

measurements.push(
  {
    name: 'build: 20 RUN steps, nothing cached',
    unit: 'ms',
    measure: async (context) => (await building(context)).fresh,
  },
  {
    name: 'build: the same, all cached',
    unit: 'ms',
    measure: async (context) => (await building(context)).cached,
  },
  {
    name: 'build: three ADDs, 947 MB of tars',
    unit: 'ms',
    measure: async (context) => measureArchives(context.docker, await plainArchive(cache)),
  },
  {
    name: 'build: nine stages of 0.5 s, and one that copies from each',
    unit: 'ms',
    measure: ({ docker }) => measureStages(docker),
  },
  {
    name: 'build: 50,000 files of which none has changed',
    unit: 'ms',
    measure: ({ docker }) => measureContext(docker),
  },
);

measurements.push(
  ...registryWorks.map(
    ({ name, work }): Measurement => ({
      name,
      unit: 'per s',
      measure: ({ peer }) => registryThroughput(peer.name, work),
    }),
  ),
);

/** Measured with both engines at once, in turns: what else the host does meets both. */
const inTurns: ReadonlyArray<{ name: string; unit: Unit; key: keyof Throughput }> = [
  { name: 'network: iperf3, container to container', unit: 'Gbit/s', key: 'betweenContainers' },
  { name: 'network: iperf3, host to published port', unit: 'Gbit/s', key: 'publishedPort' },
];
const turnRounds = Math.min(11, runs);

/** A busybox image by `docker import`. */
async function importBusybox(docker: Context['docker']): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'gantry-bench-image-'));
  mkdirSync(join(root, 'bin'));
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  for (const applet of ['sh', 'true', 'sleep', 'yes', 'head'])
    symlinkSync('busybox', join(root, 'bin', applet));
  const tar = execFileSync('tar', ['-C', root, '-c', '.'], { maxBuffer: 64 * 1024 * 1024 });
  const [program = '', ...args] = docker('import', '-', 'busybox:latest');
  const result = spawnSync(program, args, { input: tar });
  rmSync(root, { recursive: true });
  if (result.status !== 0) throw new Error(`import failed: ${result.stderr.toString()}`);
}

async function measurePeer(peer: Peer, cli: string): Promise<Map<string, number>> {
  const docker = (...args: string[]): string[] => [cli, '-H', peer.host, ...args];
  const found = new Map<string, number>();
  try {
    await importBusybox(docker);
    for (const measurement of measurements.filter(({ name }) => name.includes(options.only))) {
      process.stderr.write(`${peer.name}: ${measurement.name} … `);
      const value = await measurement.measure({ peer, docker });
      process.stderr.write(`${value.toFixed(1)} ${measurement.unit}\n`);
      found.set(measurement.name, value);
    }
    removeAll(cli, peer.host);
  } finally {
    await peer.stop();
  }
  return found;
}

async function measureInTurns(
  cli: string,
  found: readonly [Map<string, number>, Map<string, number>],
): Promise<void> {
  const wanted = inTurns.filter(({ name }) => name.includes(options.only));
  if (wanted.length === 0) return;
  const peers: Peer[] = [];
  try {
    const started = [await startGantry(cache, cli), await startDockerd(cache, cli)] as const;
    peers.push(...started);
    const contender = (peer: Peer): Context => ({
      peer,
      docker: (...args) => [cli, '-H', peer.host, ...args],
    });
    const both = [contender(started[0]), contender(started[1])] as const;
    for (const { docker } of both) await importBusybox(docker);
    const results = await measureThroughput(both, turnRounds);
    for (const { name, key } of wanted)
      for (const turn of [0, 1] as const) found[turn].set(name, results[turn][key]);
  } finally {
    for (const peer of peers) await peer.stop();
  }
}

function table(gantry: Map<string, number>, dockerd: Map<string, number>, versions: string): string {
  const rows = [...measurements, ...inTurns]
    .filter(({ name }) => gantry.has(name))
    .map(({ name, unit }) => {
      const ours = gantry.get(name) ?? Number.NaN;
      const theirs = dockerd.get(name) ?? Number.NaN;
      const ratio = unit === 'per s' || unit === 'Gbit/s' ? ours / theirs : theirs / ours;
      const digits = unit === 'Gbit/s' ? 2 : 1;
      return `| ${name} | ${theirs.toFixed(1)} ${unit} | ${ours.toFixed(1)} ${unit} | ${ratio.toFixed(digits)} |`;
    });
  return [`| work (${versions}) | dockerd | Gantry | ratio |`, '| --- | --- | --- | --- |', ...rows, ''].join(
    '\n',
  );
}

async function main(): Promise<void> {
  const known = existsSync(join(cache, 'root/ready'));
  if (!known) process.stderr.write('fetching a dockerd to compare with …\n');
  execFileSync('bash', ['scripts/peer-dockerd.sh', 'prepare', cache], { stdio: 'inherit' });
  const cli = cliPath(cache);
  const docker = await startDockerd(cache, cli);
  const theirs = await measurePeer(docker, cli);
  const gantry = await startGantry(cache, cli);
  const ours = await measurePeer(gantry, cli);
  await measureInTurns(cli, [ours, theirs]);
  process.stdout.write(`\n${table(ours, theirs, `dockerd ${docker.version}, Gantry ${gantry.version}`)}`);
  if (options.json !== undefined) {
    writeFileSync(
      options.json,
      `${JSON.stringify({ gantry: Object.fromEntries(ours), dockerd: Object.fromEntries(theirs) }, null, 2)}\n`,
    );
  }
}

await main();
