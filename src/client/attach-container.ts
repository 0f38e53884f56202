/** Takes hold of a container's input and output. */
import type { ApiClient } from './api-client.ts';
import { Attachment } from './attachment.ts';
import type { CallControl } from './call-control.ts';
import { hasTerminal } from './framing.ts';
import { segment } from './query.ts';

export interface AttachOptions extends CallControl {
  /** False unless told. */
  stdin?: boolean;
  /** True unless told. */
  stdout?: boolean;
  /** True unless told. */
  stderr?: boolean;
  /** First what it has said so far. */
  logs?: boolean;
  /** What it says from now on; true unless told. */
  stream?: boolean;
  detachKeys?: string;
}

export async function attachContainer(
  api: ApiClient,
  id: string,
  { signal, ...options }: AttachOptions,
): Promise<Attachment> {
  const query = { stdout: true, stderr: true, stream: true, ...options };
  const stream = await api.hijack('POST', `/containers/${segment(id)}/attach`, { query, signal });
  try {
    return new Attachment(stream, await hasTerminal(api, id, stream.contentType, signal));
  } catch (error) {
    stream.close();
    throw error;
  }
}
