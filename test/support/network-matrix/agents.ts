/** Agents in network namespaces, and questions that all of them ask at once. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ask, Order, Word } from './talk.ts';

const script = join(import.meta.dirname, 'agent.ts');
/** A lost SYN is sent again after a second: the answer to the second is waited for, too. */
const patienceMs = 1_500;
const controlMs = 20_000;

export class Agent {
  readonly name: string;
  addresses: readonly string[] = [];
  readonly #ports: readonly number[];
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, (answer: string) => void>();
  #next = 0;
  #served: ((word: Word) => void) | undefined;
  #stderr = '';

  private constructor(name: string, netns: string, ports: readonly number[]) {
    this.name = name;
    this.#ports = ports;
    this.#child = spawn('nsenter', [`--net=${netns}`, process.execPath, script, name]);
    this.#child.stderr.on('data', (data: Buffer) => {
      this.#stderr += data.toString();
    });
    this.#child.stdin.on('error', () => undefined);
    this.#child.once('exit', () => {
      for (const heard of this.#waiting.values()) heard(`the agent has ended: ${this.#stderr}`);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#hear(JSON.parse(line) as Word));
  }

  /** `netns` is a path. Resolves when it serves `ports`. */
  static async start(name: string, netns: string, ports: readonly number[]): Promise<Agent> {
    const agent = new Agent(name, netns, ports);
    try {
      await agent.serve();
      return agent;
    } catch (error) {
      await agent.stop();
      throw error;
    }
  }

  /** Also on addresses that the namespace did not have the last time. */
  async serve(): Promise<void> {
    const word = await new Promise<Word>((resolve) => {
      this.#served = resolve;
      this.#child.once('exit', (code) => resolve({ failed: `exit ${code}: ${this.#stderr}` }));
      this.#send({ serve: [...this.#ports] });
    });
    if (word.failed !== undefined) throw new Error(`the agent ${this.name}: ${word.failed}`);
    this.addresses = word.addresses ?? [];
  }

  /** One that it serves, for questions to itself that show that it is awake. */
  get controlPort(): number {
    return this.#ports[0] ?? 0;
  }

  ask(questions: ReadonlyArray<Omit<Ask, 'id'>>): Array<Promise<string>> {
    const asks = questions.map((question) => {
      this.#next += 1;
      return { ...question, id: this.#next };
    });
    const answers = asks.map(({ id }) => new Promise<string>((resolve) => this.#waiting.set(id, resolve)));
    this.#send({ ask: asks });
    return answers;
  }

  conclude(): void {
    this.#send({ conclude: true });
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.kill('SIGKILL');
    await gone;
  }

  #send(order: Order): void {
    this.#child.stdin.write(`${JSON.stringify(order)}\n`);
  }

  #hear(word: Word): void {
    if (word.id === undefined) {
      this.#served?.(word);
      return;
    }
    this.#waiting.get(word.id)?.(word.answer ?? '');
    this.#waiting.delete(word.id);
  }
}

export interface Question extends Omit<Ask, 'id'> {
  asker: Agent;
}

/**
 * The answers, in the order of the questions. Silence is only believed after each agent, asker or server, has answered a question to itself that
 * was put after the patience: so what is slow is not taken for what is dropped.
 */
export async function askAll(agents: readonly Agent[], questions: readonly Question[]): Promise<string[]> {
  const answers = questions.flatMap((question) => question.asker.ask([question]));
  await sleep(patienceMs);
  await Promise.all(agents.map(proveAwake));
  for (const agent of agents) agent.conclude();
  return Promise.all(answers);
}

async function proveAwake(agent: Agent): Promise<void> {
  const hosts = [...new Set([agent.addresses[0], agent.addresses.find((one) => !one.includes(':'))])];
  const asked = hosts
    .filter((host) => host !== undefined)
    .flatMap((host) =>
      (['tcp', 'udp'] as const).map((protocol) => ({ protocol, host, port: agent.controlPort })),
    );
  const late = sleep(controlMs, ['late'], { ref: false });
  const heard = await Promise.race([Promise.all(agent.ask(asked)), late]);
  if (heard.some((answer) => !answer.startsWith(`${agent.name} `)))
    throw new Error(`the agent ${agent.name} does not hear itself: ${heard.join(', ')}`);
}
