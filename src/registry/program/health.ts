/** Health checks, made again and again (distribution's `health`). */
import { access } from 'node:fs/promises';
import { connect } from 'node:net';
import { fetch } from 'undici';
import { messageOf } from '../../errors/engine-error.ts';
import type { HealthCheck } from '../config/registry-config.ts';

export interface Health {
  /** What is wrong by the check's name; empty where all is well. */
  problems(): Record<string, string>;
  close(): void;
}

/** `checkStorage` rejects where the storage does not answer. */
export function startHealth(checks: readonly HealthCheck[], checkStorage: () => Promise<void>): Health {
  const watches = checks.map((check) => new Watch(check, () => run(check, checkStorage)));
  return {
    problems: () =>
      Object.fromEntries(
        watches.flatMap(({ name, problem }) => (problem === undefined ? [] : [[name, problem] as const])),
      ),
    close: () => {
      for (const watch of watches) watch.close();
    },
  };
}

class Watch {
  readonly name: string;
  /** Set once the check failed `threshold` times in a row. */
  problem: string | undefined;
  readonly #check: HealthCheck;
  readonly #run: () => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #failures = 0;
  #running = false;

  constructor(check: HealthCheck, run: () => Promise<void>) {
    this.name = check.kind === 'storage' ? 'storagedriver' : check.target;
    this.#check = check;
    this.#run = run;
    this.#timer = setInterval(() => void this.#once(), check.interval).unref();
    void this.#once();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #once(): Promise<void> {
    if (this.#running) return;
    this.#running = true;
    try {
      await this.#run();
      this.#failures = 0;
      this.problem = undefined;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= this.#check.threshold) this.problem = messageOf(error);
    }
    this.#running = false;
  }
}

async function run(check: HealthCheck, checkStorage: () => Promise<void>): Promise<void> {
  switch (check.kind) {
    case 'storage':
      return await checkStorage();
    case 'file':
      return await checkAbsent(check.target);
    case 'http':
      return await checkHttp(check);
    case 'tcp':
      return await checkTcp(check);
  }
}

/** A file that is there takes the registry out of service (distribution, `health.file`). */
async function checkAbsent(path: string): Promise<void> {
  const there = await access(path).then(
    () => true,
    () => false,
  );
  if (there) throw new Error('file exists');
}

async function checkHttp({ target, status, headers, timeout }: HealthCheck): Promise<void> {
  const lines = Object.entries(headers).flatMap(([name, values]) =>
    values.map((one) => [name, one] as [string, string]),
  );
  const response = await fetch(target, {
    method: 'HEAD',
    headers: lines,
    signal: AbortSignal.timeout(timeout),
    redirect: 'manual',
  });
  await response.body?.cancel();
  if (response.status !== status)
    throw new Error(`downstream service returned unexpected status: ${response.status}`);
}

async function checkTcp({ target, timeout }: HealthCheck): Promise<void> {
  const colon = target.lastIndexOf(':');
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({
    host: target.slice(0, colon).replace(/^\[|\]$/g, ''),
    port: Number(target.slice(colon + 1)),
    timeout,
  });
  socket.once('connect', () => resolve());
  socket.once('timeout', () => reject(new Error('connection timed out')));
  socket.once('error', reject);
  await promise.finally(() => socket.destroy());
}
