/** Turns what a parallel build tells into the output of Docker's classic builder: one step after the other, in the Dockerfile's order. */
import { createHash } from 'node:crypto';
import type { BuildEvent, BuildVertex } from '../build/build-types.ts';
import type { ProgressMessage } from '../wire/progress-message.ts';
import type { ClassicStep } from './build-steps.ts';

type Send = (message: ProgressMessage) => void;

interface StepState {
  step: ClassicStep;
  /** 12 hex digits: what the step's process, and what became of it, are called in the output. */
  id: string;
  result: string;
  vertex?: BuildVertex;
  /** Output that came before it was the step's turn; written through once it is. */
  early: ProgressMessage[];
  hasRun: boolean;
  isOpen: boolean;
}

/** Stands where a process of a build would be called by its container's name. */
const shortLength = 12;

export class ClassicOutput {
  readonly #steps: StepState[];
  readonly #byVertex = new Map<string, StepState>();
  readonly #send: Send;
  readonly #imageId: (reference: string) => string | undefined;
  /** The step whose turn it is. */
  #cursor = 0;

  /** `imageId`: of an image that is here, by its name. */
  constructor(steps: readonly ClassicStep[], send: Send, imageId: (reference: string) => string | undefined) {
    this.#imageId = imageId;
    this.#send = send;
    let chain = '';
    this.#steps = steps.map((step) => {
      chain = createHash('sha256').update(`${chain}\0${step.text}`).digest('hex');
      const id = chain.slice(0, shortLength);
      return { step, id, result: id, early: [], hasRun: false, isOpen: false };
    });
  }

  take(event: BuildEvent): void {
    if (event.kind === 'vertex') this.#takeVertex(event.vertex);
    else if (event.kind === 'log') this.#takeLog(event);
    else if (event.kind === 'progress') this.#takeProgress(event);
    this.#advance(false);
  }

  /** Everything that was not told yet, before the end of a build that went well; the last step is called by the image's ID. */
  finish(imageId: string | undefined): void {
    const last = this.#steps.at(-1);
    const id = imageId?.replace(/^sha256:/, '').slice(0, shortLength);
    if (last !== undefined && id !== undefined) last.result = id;
    this.#advance(true);
  }

  /** Opens the steps up to the one that failed, so that the error stands under it. Returns it, where it is known. */
  fail(lines: readonly [number, number] | undefined): ClassicStep | undefined {
    const failed = this.#steps.findIndex(
      ({ step, vertex }) =>
        vertex?.error !== undefined || (lines !== undefined && step.lines[0] === lines[0]),
    );
    if (failed < 0) return undefined;
    while (this.#cursor < failed) this.#close();
    const state = this.#steps[failed];
    if (state === undefined) return undefined;
    this.#open(state);
    return state.step;
  }

  #takeVertex(vertex: BuildVertex): void {
    const { lines } = vertex;
    if (lines === undefined) return;
    const state = this.#steps.find(({ step }) => step.lines[0] === lines[0] && !step.isSkipped);
    if (state === undefined) return;
    state.vertex = vertex;
    this.#byVertex.set(vertex.digest, state);
  }

  #takeLog(event: Extract<BuildEvent, { kind: 'log' }>): void {
    const state = this.#byVertex.get(event.vertex);
    if (state === undefined || isFromStep(state.step)) return;
    const text = event.data.toString('utf8');
    const message = { stream: event.stream === 2 ? `\u001b[91m${text}\u001b[0m` : text };
    if (!state.hasRun) this.#say(state, { stream: ` ---> Running in ${state.id}\n` });
    state.hasRun = true;
    this.#say(state, message);
  }

  /** Of base images that are pulled. */
  #takeProgress({ vertex, id, name, current, total }: Extract<BuildEvent, { kind: 'progress' }>): void {
    const state = this.#byVertex.get(vertex);
    if (state?.isOpen !== true) return;
    this.#send({ status: name, id, progressDetail: { current, total } });
  }

  #say(state: StepState, message: ProgressMessage): void {
    if (state.isOpen) this.#send(message);
    else state.early.push(message);
  }

  #advance(isOver: boolean): void {
    for (;;) {
      const state = this.#steps[this.#cursor];
      if (state === undefined) return;
      /* The last one is called by the image's ID, which is known at the end. */
      if (!isOver && (state === this.#steps.at(-1) || !this.#isPast(state))) {
        if (this.#hasBegun(state)) this.#open(state);
        return;
      }
      this.#close();
    }
  }

  #hasBegun({ step, vertex }: StepState): boolean {
    return vertex?.startedAt !== undefined || step.stage === -1;
  }

  /** Its end was told, or that of nothing is to come. */
  #isPast(state: StepState): boolean {
    const { step, vertex } = state;
    if (vertex !== undefined) return vertex.completedAt !== undefined && vertex.error === undefined;
    if (step.isSkipped || !step.isWork) return this.#steps.some(({ vertex: known }) => known !== undefined);
    /* A step that nothing had to be done for has no vertex: the next one's tells that it is over. */
    const later = this.#steps.slice(this.#steps.indexOf(state) + 1);
    return later.some((one) => one.step.stage === step.stage && one.vertex !== undefined);
  }

  #open(state: StepState): void {
    if (state.isOpen) return;
    state.isOpen = true;
    const number = `${this.#steps.indexOf(state) + 1}/${this.#steps.length}`;
    this.#send({ stream: `Step ${number} : ${state.step.text}` });
    this.#send({ stream: '\n' });
    for (const message of state.early.splice(0)) this.#send(message);
  }

  /** The step whose turn it is, to its last line. */
  #close(): void {
    const state = this.#steps[this.#cursor];
    if (state === undefined) return;
    this.#open(state);
    if (state.step.isSkipped) this.#send({ stream: ' ---> Skipped: the target does not need it\n' });
    else this.#sayEnd(state);
    this.#cursor += 1;
  }

  #sayEnd({ step, vertex, id, result, hasRun }: StepState): void {
    const isFrom = isFromStep(step);
    if (vertex?.isCached === true && !isFrom) this.#send({ stream: ' ---> Using cache\n' });
    const isRun = vertex !== undefined && vertex.isCached !== true && /^run\s/i.test(step.text);
    if (isRun && !hasRun) this.#send({ stream: ` ---> Running in ${id}\n` });
    if (isRun) this.#send({ stream: ` ---> Removed intermediate container ${id}\n` });
    const base = isFrom && vertex !== undefined ? this.#baseId(vertex.name) : undefined;
    this.#send({ stream: ` ---> ${base ?? result}\n` });
  }

  /** The 12 digits of a base image, where its name leads to one here. */
  #baseId(vertexName: string): string | undefined {
    const reference = / FROM (\S+)$/.exec(vertexName)?.[1];
    return reference === undefined
      ? undefined
      : this.#imageId(reference)
          ?.replace(/^sha256:/, '')
          .slice(0, shortLength);
  }
}

function isFromStep({ text }: ClassicStep): boolean {
  return /^from\s/i.test(text);
}
