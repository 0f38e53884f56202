/** Processes started in running containers. */
import type { ExecCreateRequest, ExecCreateResponse, ExecInspect } from '../wire/exec.ts';
import type { ApiClient } from './api-client.ts';
import { Attachment } from './attachment.ts';
import type { CallControl } from './call-control.ts';
import type { HijackedStream } from './hijacked-stream.ts';
import { segment } from './query.ts';

const settlingMs = 25;
const settlingTries = 20;

/** What is attached is as in Docker's command line unless told: stdout and stderr, not stdin. */
export type ExecOptions = ExecCreateRequest & CallControl;

/** A started process. Iterate over it for its output, then ask for its `exitCode`. */
export class ExecSession extends Attachment {
  readonly id: string;
  readonly #api: ApiClient;

  constructor(api: ApiClient, id: string, stream: HijackedStream, tty: boolean) {
    super(stream, tty);
    this.#api = api;
    this.id = id;
  }

  /**
   * Once the output has ended. A daemon may learn of the end a moment after the output's: it is given half a second. Undefined
   * for a process that runs on.
   */
  async exitCode(control: CallControl = {}): Promise<number | undefined> {
    for (let tries = 0; tries < settlingTries; tries += 1) {
      const { Running, ExitCode } = await inspectExec(this.#api, this.id, control);
      if (!Running) return ExitCode ?? undefined;
      await new Promise((resolve) => setTimeout(resolve, settlingMs));
    }
    return undefined;
  }

  /** Sets the size of its terminal, in characters. */
  async resize(size: { rows: number; columns: number }, control: CallControl = {}): Promise<void> {
    const query = { h: size.rows, w: size.columns };
    await this.#api.call('POST', `/exec/${segment(this.id)}/resize`, { query, signal: control.signal });
  }
}

export async function startExec(
  api: ApiClient,
  container: string,
  options: ExecOptions,
): Promise<ExecSession> {
  const { signal, ...asked } = options;
  const json: ExecCreateRequest = { AttachStdout: true, AttachStderr: true, ...asked };
  const path = `/containers/${segment(container)}/exec`;
  const { Id } = await api.call<ExecCreateResponse>('POST', path, { json, signal });
  const tty = asked.Tty === true;
  const stream = await api.hijack('POST', `/exec/${segment(Id)}/start`, {
    json: { Detach: false, Tty: tty },
    signal,
  });
  if (asked.AttachStdin !== true && !tty) stream.endInput();
  return new ExecSession(api, Id, stream, tty);
}

/** Starts a process and lets it run; resolves with its ID. */
export async function startDetachedExec(
  api: ApiClient,
  container: string,
  { signal, ...asked }: ExecOptions,
): Promise<string> {
  const path = `/containers/${segment(container)}/exec`;
  const { Id } = await api.call<ExecCreateResponse>('POST', path, { json: asked, signal });
  const json = { Detach: true, Tty: asked.Tty === true };
  await api.call('POST', `/exec/${segment(Id)}/start`, { json, signal });
  return Id;
}

export function inspectExec(api: ApiClient, id: string, { signal }: CallControl): Promise<ExecInspect> {
  return api.call('GET', `/exec/${segment(id)}/json`, { signal });
}
