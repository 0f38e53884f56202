/** A container from its creation to its end, for short work. */
import type { WaitResponse } from '../wire/container.ts';
import type { AttachOptions } from './attach-container.ts';
import type { Attachment } from './attachment.ts';
import type { CallControl } from './call-control.ts';
import type { ContainerSettings, CreateOptions } from './container-settings.ts';
import { type OutputChunk, type OutputText, outputText } from './output-chunks.ts';

export interface RunOptions extends CreateOptions {
  /** Sent to its standard input, which ends then. */
  input?: string | Uint8Array;
  /** Told of each piece of output as it comes. */
  onOutput?: (chunk: OutputChunk) => void;
}

export interface RunResult extends OutputText {
  exitCode: number;
}

/** What a run is made of. */
interface Steps {
  create(settings: ContainerSettings, options: CreateOptions): Promise<{ Id: string }>;
  attach(id: string, options: AttachOptions): Promise<Attachment>;
  start(id: string, control: CallControl): Promise<boolean>;
  wait(id: string, control: CallControl): Promise<WaitResponse>;
  remove(id: string, options: { force: boolean; volumes: boolean }): Promise<void>;
}

/** EngineErrors as from the steps. The container is removed in any case, also when the signal aborts. */
export async function runContainer(
  steps: Steps,
  settings: ContainerSettings,
  { input, onOutput, ...options }: RunOptions,
): Promise<RunResult> {
  const control: CallControl = { signal: options.signal };
  const stdin = input !== undefined;
  const asked = stdin ? { ...settings, AttachStdin: true, OpenStdin: true, StdinOnce: true } : settings;
  const { Id } = await steps.create(asked, options);
  try {
    const attached = await steps.attach(Id, { ...control, stdin });
    try {
      await steps.start(Id, control);
      /* At the same time: a process that answers while it reads would wait for its reader otherwise. */
      const sending = stdin ? send(attached, input) : undefined;
      const text = await outputText(watched(attached, onOutput));
      await sending;
      const { StatusCode } = await steps.wait(Id, control);
      return { ...text, exitCode: StatusCode };
    } finally {
      attached.close();
    }
  } finally {
    await steps.remove(Id, { force: true, volumes: true });
  }
}

async function send(attached: Attachment, input: string | Uint8Array): Promise<void> {
  await attached.write(input);
  attached.end();
}

async function* watched(
  output: AsyncIterable<OutputChunk>,
  onOutput: RunOptions['onOutput'],
): AsyncGenerator<OutputChunk, void> {
  for await (const chunk of output) {
    onOutput?.(chunk);
    yield chunk;
  }
}
