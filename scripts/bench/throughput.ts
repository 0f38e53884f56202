/** Throughput by iperf3 between containers, and from the host to a published port: both engines run at once and are measured in turns. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import type { Peer } from './engines.ts';
import { runQuietly } from './measure.ts';

export interface Throughput {
  /** Gigabits a second, medians over the rounds. */
  betweenContainers: number;
  publishedPort: number;
}

export interface Contender {
  peer: Peer;
  docker: (...args: string[]) => string[];
}

interface Flow {
  /** Path of the network namespace of the client. */
  from: string;
  /** Address and port of the server. */
  to: [string, number];
}

const secondsEach = 2;
const limitMs = 15_000;
const serverPort = 5201;
const hostPort = 15201;

function output(argv: readonly string[]): string {
  const [program = '', ...args] = argv;
  return execFileSync(program, args).toString().trim();
}

function inspected({ docker }: Contender, name: string, format: string): string {
  return output(docker('inspect', '-f', format, name));
}

/** iperf3 runs in the network namespaces of containers: their image need not have it. */
class Stage {
  readonly flows: Record<keyof Throughput, Flow>;
  readonly #server: ChildProcess;

  private constructor(flows: Stage['flows'], server: ChildProcess) {
    this.flows = flows;
    this.#server = server;
  }

  static async set(contender: Contender, tag: string): Promise<Stage> {
    const { docker, peer } = contender;
    const [server, client] = [`bench-iperf-${tag}`, `bench-iperf-client-${tag}`];
    const sleeper = ['busybox', 'sleep', '1000'];
    await runQuietly(docker('run', '-d', '--name', server, '-p', `${hostPort}:${serverPort}`, ...sleeper));
    await runQuietly(docker('run', '-d', '--name', client, ...sleeper));
    const netns = (name: string): string => `/proc/${inspected(contender, name, '{{.State.Pid}}')}/ns/net`;
    const address = inspected(contender, server, '{{.NetworkSettings.IPAddress}}');
    const gateway = inspected(contender, server, '{{.NetworkSettings.Gateway}}');
    const child = spawn('nsenter', [`--net=${netns(server)}`, 'iperf3', '-s', '--forceflush'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      child.once('exit', reject);
    });
    child.stdout.resume();
    const flows = {
      betweenContainers: { from: netns(client), to: [address, serverPort] as [string, number] },
      publishedPort: { from: `/run/netns/${peer.netns}`, to: [gateway, hostPort] as [string, number] },
    };
    return new Stage(flows, child);
  }

  async clear(): Promise<void> {
    const gone = new Promise((resolve) => this.#server.once('exit', resolve));
    if (this.#server.kill('SIGKILL')) await gone;
  }
}

/** Gigabits a second of one connection. */
async function gigabits({ from, to: [host, port] }: Flow): Promise<number> {
  const args = ['-c', host, '-p', String(port), '-t', String(secondsEach), '-J', '--connect-timeout', '3000'];
  const child = spawn('nsenter', [`--net=${from}`, 'iperf3', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  let text = '';
  child.stdout.on('data', (data: Buffer) => {
    text += data.toString();
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  if (code === null) throw new Error(`iperf3 to ${host}:${port} did not end`);
  const report = JSON.parse(text) as { error?: string; end?: { sum_received?: { bits_per_second: number } } };
  const bits = report.end?.sum_received?.bits_per_second;
  if (code !== 0 || bits === undefined) throw new Error(`iperf3 to ${host}:${port}: ${report.error ?? code}`);
  return bits / 1e9;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** In each round each engine has its turn with each flow, and the one that was first is last in the next. */
export async function measureThroughput(
  contenders: readonly [Contender, Contender],
  rounds: number,
): Promise<[Throughput, Throughput]> {
  const tag = randomBytes(3).toString('hex');
  const stages: Stage[] = [];
  const values = contenders.map(() => ({ betweenContainers: [] as number[], publishedPort: [] as number[] }));
  try {
    for (const contender of contenders) stages.push(await Stage.set(contender, tag));
    for (let round = 0; round < rounds; round += 1) {
      const turns = round % 2 === 0 ? [0, 1] : [1, 0];
      for (const flow of ['betweenContainers', 'publishedPort'] as const) {
        for (const turn of turns) {
          const stage = stages[turn];
          if (stage !== undefined) values[turn]?.[flow].push(await gigabits(stage.flows[flow]));
        }
      }
    }
  } finally {
    for (const stage of stages) await stage.clear();
  }
  const medians = (turn: 0 | 1): Throughput => ({
    betweenContainers: median(values[turn]?.betweenContainers ?? []),
    publishedPort: median(values[turn]?.publishedPort ?? []),
  });
  return [medians(0), medians(1)];
}
