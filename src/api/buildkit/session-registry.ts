/** The sessions that builds' clients hold open: by their IDs, and awaited by builds whose session is still on its way. */
import type { Duplex } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import { GrpcClient } from './grpc-client.ts';

export interface BuildSession {
  id: string;
  /** Of clients that build the same directory again: what is left of the last build's context is taken up. */
  sharedKey: string;
  /** Paths of the methods that the client serves. */
  methods: ReadonlySet<string>;
  client: GrpcClient;
}

/** How long a build waits for its session. */
const arrivalMs = 5000;

export class SessionRegistry {
  readonly #sessions = new Map<string, BuildSession>();
  readonly #waiting = new Map<string, Set<(session: BuildSession) => void>>();

  /** Resolves when the session has ended. EngineError `conflict` where there is one of this ID. */
  async serve(head: Omit<BuildSession, 'client'>, connection: Duplex): Promise<void> {
    if (this.#sessions.has(head.id)) throw new EngineError('conflict', `session ${head.id} is open already`);
    const session = { ...head, client: new GrpcClient(connection) };
    this.#sessions.set(head.id, session);
    for (const take of this.#waiting.get(head.id) ?? []) take(session);
    const { closed } = session.client;
    if (!closed.aborted) {
      await new Promise<void>((resolve) => closed.addEventListener('abort', () => resolve(), { once: true }));
    }
    this.#sessions.delete(head.id);
  }

  has(id: string): boolean {
    return this.#sessions.has(id);
  }

  /** EngineError `not-found` where none of this ID comes. */
  async get(id: string, signal: AbortSignal): Promise<BuildSession> {
    const present = this.#sessions.get(id);
    if (present !== undefined) return present;
    return this.#arrival(id, AbortSignal.any([signal, AbortSignal.timeout(arrivalMs)]));
  }

  #arrival(id: string, signal: AbortSignal): Promise<BuildSession> {
    return new Promise((resolve, reject) => {
      const waiting = this.#waiting.get(id) ?? new Set();
      this.#waiting.set(id, waiting);
      const done = (): void => {
        signal.removeEventListener('abort', onAbort);
        waiting.delete(take);
        if (waiting.size === 0) this.#waiting.delete(id);
      };
      const take = (session: BuildSession): void => {
        done();
        resolve(session);
      };
      const onAbort = (): void => {
        done();
        reject(new EngineError('not-found', `no active session for ${id}`));
      };
      waiting.add(take);
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
    });
  }

  /** Ends all sessions. */
  close(): void {
    for (const session of this.#sessions.values()) session.client.close();
  }
}
