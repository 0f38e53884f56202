/** Plain questions by Bun's own HTTP client, where the program runs on Bun: loading `node:net` alone takes a fourth of the time of `gantry ps`. */
import type { Endpoint } from './endpoint.ts';

export interface QuickQuestion {
  /** With the query. */
  path: string;
  headers: Readonly<Record<string, string>>;
  signal?: AbortSignal | undefined;
}

/** What Bun's fetch takes beyond the standard: the socket's path, and `timeout: false` for answers that take their time. */
type BunRequest = RequestInit & { unix: string; timeout: false };

/**
 * The text of a GET's answer, or undefined where it is no success, there is no Bun, or the daemon is not at a UNIX socket: then whoever asks does
 * it in the ordinary way, which has the words for every failure. For GET only, since it may be asked twice.
 */
export async function quickAnswer(
  endpoint: Endpoint,
  { path, headers, signal }: QuickQuestion,
): Promise<string | undefined> {
  if (!('Bun' in globalThis) || endpoint.kind !== 'unix') return undefined;
  const request: BunRequest = {
    headers: { 'User-Agent': 'gantry', Connection: 'close', ...headers },
    redirect: 'manual',
    signal: signal ?? null,
    timeout: false,
    unix: endpoint.path,
  };
  try {
    const response = await fetch(`http://gantry${path}`, request);
    return response.status >= 200 && response.status < 300 ? (await response.text()).trim() : undefined;
  } catch {
    return undefined;
  }
}
