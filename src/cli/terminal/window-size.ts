/** Tells the daemon how large the terminal is, now and whenever it changes. */
import type { ApiClient } from '../../client/api-client.ts';

/** Rows and columns of the terminal on stdout, or undefined where there is none. */
export function windowSize(): { height: number; width: number } | undefined {
  const { rows, columns } = process.stdout;
  return rows === undefined || columns === undefined || rows === 0
    ? undefined
    : { height: rows, width: columns };
}

/**
 * Sends the size to `path` (`/containers/x/resize`, `/exec/x/resize`), again after each SIGWINCH, until the function
 * that it returns is called. A process that isn't up yet is asked again for a moment, as docker does. `redraw` first
 * sends a size that is one larger, so that a program that has drawn its screen already draws it again.
 */
export function followWindowSize(client: ApiClient, path: string, redraw = false): () => void {
  let stopped = false;
  const send = async (attempts: number, extra = 0): Promise<void> => {
    const size = windowSize();
    if (stopped || size === undefined) return;
    try {
      await client.call('POST', path, { query: { h: size.height + extra, w: size.width + extra } });
    } catch {
      if (attempts <= 1 || stopped) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
      await send(attempts - 1, extra);
    }
  };
  const changed = () => void send(1);
  process.on('SIGWINCH', changed);
  void (redraw ? send(1, 1).then(() => send(5)) : send(5));
  return () => {
    stopped = true;
    process.off('SIGWINCH', changed);
  };
}
