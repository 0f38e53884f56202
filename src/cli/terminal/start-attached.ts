/** Starts a container with this process's input and output attached, and gives its exit code. */
import { segment } from '../../client/query.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { WaitResponse } from '../../wire/container.ts';
import type { Context } from '../context.ts';
import { defaultDetachKeys, parseDetachKeys } from './detach-keys.ts';
import { proxySignals } from './proxy-signals.ts';
import { runSession } from './session.ts';
import { followWindowSize } from './window-size.ts';

export interface StartAttachedOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
  /** As the user wrote them; '' for the default. */
  detachKeys: string;
  proxySignals: boolean;
  /** The container goes when it ends, so that is what to wait for. */
  autoRemove: boolean;
  /** Called when the container runs, before any of its output is shown. */
  started?: () => Promise<void>;
}

/** Attaches, waits in advance, starts: so that nothing of a short life is missed. 0 after detaching. */
export async function startAttached(
  context: Context,
  id: string,
  options: StartAttachedOptions,
): Promise<number> {
  const { client, io } = context;
  const path = `/containers/${segment(id)}`;
  const detachKeys = parseDetachKeys(options.detachKeys || defaultDetachKeys);
  const query = {
    stream: true,
    stdin: options.stdin,
    stdout: options.stdout,
    stderr: options.stderr,
    detachKeys: options.detachKeys,
  };
  const stream = await client.hijack('POST', `${path}/attach`, { query });
  const stopSignals = options.proxySignals ? proxySignals(client, id) : undefined;
  let stopResize: (() => void) | undefined;
  try {
    const ended = await waitInAdvance(context, path, options.autoRemove);
    await client.call('POST', `${path}/start`);
    stopResize = options.tty && io.stdin.isTerminal ? followWindowSize(client, `${path}/resize`) : undefined;
    await options.started?.();
    const end = await runSession(stream, io, { ...options, detachKeys });
    return end === 'detached' ? 0 : await ended();
  } finally {
    stream.close();
    stopSignals?.();
    stopResize?.();
  }
}

/** Resolves when the daemon has the wait in place; the function that it gives waits for the exit code. */
export async function waitInAdvance(
  context: Context,
  path: string,
  removed: boolean,
): Promise<() => Promise<number>> {
  const query = { condition: removed ? 'removed' : 'next-exit' };
  const response = await context.client.open('POST', `${path}/wait`, { query });
  return async () => {
    const chunks: Buffer[] = [];
    for await (const chunk of response.body) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    if (text.trim() === '') throw new EngineError('unavailable', 'the daemon ended before the container did');
    const result: WaitResponse = JSON.parse(text);
    if (result.Error !== undefined && result.Error !== null) {
      context.io.stderr.write(`Error waiting for container: ${result.Error.Message}\n`);
      return 125;
    }
    return result.StatusCode;
  };
}
