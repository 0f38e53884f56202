/** A build's progress in BuildKit's form, kept while it runs so that whoever asks late is told all of it. */
import type { BuildEvent } from '../../build/build-types.ts';
import { timestampOf } from '../../wire/buildkit/common-messages.ts';
import type { StatusResponse } from '../../wire/buildkit/control-messages.ts';

/** Events that come close together are sent at once. */
const batchMs = 30;

/** Bounds one answer, and so its message. */
const batchEvents = 500;

export class BuildLog {
  readonly #events: BuildEvent[] = [];
  readonly #lastVertices = new Map<string, Extract<BuildEvent, { kind: 'vertex' }>>();
  readonly #wake = new Set<() => void>();
  #hasEnded = false;

  add(event: BuildEvent): void {
    this.#events.push(event);
    if (event.kind === 'vertex') this.#lastVertices.set(event.vertex.digest, event);
    this.#notify();
  }

  end(): void {
    this.#hasEnded = true;
    this.#notify();
  }

  /** The step that failed first, where one did. */
  get failed(): Extract<BuildEvent, { kind: 'vertex' }>['vertex'] | undefined {
    for (const { vertex } of this.#lastVertices.values()) if (vertex.error !== undefined) return vertex;
    return undefined;
  }

  get warnings(): Array<Extract<BuildEvent, { kind: 'warning' }>> {
    return this.#events.filter((event) => event.kind === 'warning');
  }

  /** From the beginning to the build's end. */
  async *follow(signal: AbortSignal): AsyncGenerator<Partial<StatusResponse>, void> {
    for (let at = 0; ; ) {
      if (signal.aborted) return;
      if (at < this.#events.length) {
        const batch = this.#events.slice(at, at + batchEvents);
        at += batch.length;
        yield encodeEvents(batch);
      } else if (this.#hasEnded) return;
      else await this.#more(signal);
    }
  }

  #notify(): void {
    for (const wake of this.#wake) wake();
  }

  async #more(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#wake.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#wake.add(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
    if (!this.#hasEnded) await new Promise((resolve) => setTimeout(resolve, batchMs));
  }
}

export function encodeEvents(events: readonly BuildEvent[]): Partial<StatusResponse> {
  const response: Required<Pick<StatusResponse, 'vertexes' | 'statuses' | 'logs' | 'warnings'>> = {
    vertexes: [],
    statuses: [],
    logs: [],
    warnings: [],
  };
  for (const event of events) addEvent(response, event);
  return response;
}

function addEvent(response: StatusResponse, event: BuildEvent): void {
  switch (event.kind) {
    case 'vertex': {
      const { vertex } = event;
      response.vertexes.push({
        digest: vertex.digest,
        inputs: [...vertex.inputs],
        name: vertex.name,
        cached: vertex.isCached ?? false,
        started: timestampOf(vertex.startedAt),
        completed: timestampOf(vertex.completedAt),
        error: vertex.error ?? '',
      });
      return;
    }
    case 'log':
      response.logs.push({
        vertex: event.vertex,
        timestamp: timestampOf(event.at),
        stream: event.stream,
        msg: event.data,
      });
      return;
    case 'progress':
      response.statuses.push({
        id: event.id,
        vertex: event.vertex,
        name: event.name,
        current: event.current,
        total: event.total,
        timestamp: timestampOf(event.completedAt ?? Date.now()),
        started: timestampOf(event.startedAt ?? Date.now()),
        completed: timestampOf(event.completedAt),
      });
      return;
    case 'warning':
      response.warnings.push({
        vertex: event.vertex,
        level: 1,
        short: Buffer.from(`${event.rule}: ${event.message} (line ${event.lines[0]})`),
        detail: event.detail === '' ? [] : [Buffer.from(event.detail)],
        url: event.url,
        info: { filename: event.fileName, data: event.source, language: 'Dockerfile' },
        ranges: [rangeOf(event.lines)],
      });
  }
}

export function rangeOf([start, end]: readonly [number, number]): {
  start: { line: number; character: number };
  end: { line: number; character: number };
} {
  return { start: { line: start, character: 0 }, end: { line: end, character: 0 } };
}
