/** What a start did, step by step: the six steps of the way of a container, each with its time. */

export const stepNames = ['image', 'create', 'network', 'address', 'process', 'output'] as const;
export type StepName = (typeof stepNames)[number];

export interface StartStep {
  name: StepName;
  /** One sentence with the facts: an address, a digest, a pid. */
  detail: string;
  ms: number;
}

export interface StartReport {
  containerId: string;
  /** In the order of `stepNames`. */
  steps: StartStep[];
  totalMs: number;
}

/** Takes the time of each step as it goes, and keeps what it says of itself. */
export class StepClock {
  readonly #began = performance.now();
  readonly #steps: StartStep[] = [];

  /** Runs one step; `work` returns its result and the sentence about it. */
  async step<R>(name: StepName, work: () => Promise<[result: R, detail: string]>): Promise<R> {
    const began = performance.now();
    const [result, detail] = await work();
    this.#steps.push({ name, detail, ms: performance.now() - began });
    return result;
  }

  /** Counts `ms` of one step as another's, whose work was done during the first; never more than it took. */
  move(from: StepName, to: StepName, ms: number): void {
    const source = this.#steps.find(({ name }) => name === from);
    const target = this.#steps.find(({ name }) => name === to);
    if (source === undefined || target === undefined) return;
    const moved = Math.min(ms, source.ms);
    source.ms -= moved;
    target.ms += moved;
  }

  report(containerId: string): StartReport {
    return { containerId, steps: this.#steps, totalMs: performance.now() - this.#began };
  }
}
