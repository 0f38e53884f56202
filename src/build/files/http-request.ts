/** Asks a web server for a file, by Node's own client, through the proxies of the environment. */
import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, request } from 'undici';
import { EngineError, messageOf } from '../../errors/engine-error.ts';

export interface HttpAnswer {
  body: Readable;
  contentType: string;
  /** Seconds since 1970; 0 where the server does not say. */
  lastModified: number;
}

const maxRedirects = 10;
/** Milliseconds until a server has to begin its answer, and between parts of it. */
const patience = 60_000;

/** EngineErrors: `invalid-argument` for no HTTP URL, `unavailable` where it cannot be had. The body must be read or destroyed. */
export async function openHttp(address: string, signal: AbortSignal): Promise<HttpAnswer> {
  const dispatcher = new EnvHttpProxyAgent({ headersTimeout: patience, bodyTimeout: patience });
  try {
    const { body, headers } = await follow(address, dispatcher, signal);
    body.once('close', () => void dispatcher.close().catch(() => undefined));
    return {
      body,
      contentType: textOf(headers['content-type']),
      lastModified: timeOf(textOf(headers['last-modified'])),
    };
  } catch (error) {
    await dispatcher.close();
    throw error;
  }
}

type Answer = Awaited<ReturnType<typeof request>>;

async function follow(address: string, dispatcher: EnvHttpProxyAgent, signal: AbortSignal): Promise<Answer> {
  let url = urlOf(address);
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const answer = await ask(url, dispatcher, signal);
    // What breaks reaches whoever reads; where nobody does, it is no news.
    answer.body.on('error', () => undefined);
    const location = textOf(answer.headers['location']);
    if (answer.statusCode >= 200 && answer.statusCode < 300) return answer;
    answer.body.destroy();
    if (answer.statusCode < 300 || answer.statusCode >= 400 || location === '')
      throw failed(url, `invalid response status ${answer.statusCode}`);
    const next = new URL(location, url);
    // What was asked for over TLS does not come without.
    if (url.protocol === 'https:' && next.protocol !== 'https:')
      throw failed(url, `it redirects to ${next.protocol}//${next.host}, which is not encrypted`);
    url = urlOf(next.href);
  }
  throw failed(url, `more than ${maxRedirects} redirects`);
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new EngineError('invalid-argument', `invalid URL: ${text.slice(0, 200)}`, {
    hint: 'write an http:// or https:// URL',
  });
}

async function ask(url: URL, dispatcher: EnvHttpProxyAgent, signal: AbortSignal): Promise<Answer> {
  try {
    // As it is: a tar that is sent with `content-encoding` stays what the URL names.
    return await request(url, { dispatcher, signal, headers: { 'accept-encoding': 'identity' } });
  } catch (error) {
    if (signal.aborted) throw new EngineError('cancelled', 'the build was cancelled', { cause: error });
    throw failed(url, messageOf(error), error);
  }
}

function textOf(value: string | string[] | undefined): string {
  return (Array.isArray(value) ? value[0] : value) ?? '';
}

function timeOf(text: string): number {
  const time = Date.parse(text);
  return Number.isNaN(time) ? 0 : Math.floor(time / 1000);
}

/** A password in the URL is not for logs. */
function failed(url: URL, why: string, cause?: unknown): EngineError {
  const shown = new URL(url);
  if (shown.password !== '') shown.password = 'xxxxx';
  return new EngineError('unavailable', `failed to download ${shown.href}: ${why}`, {
    cause,
    hint: 'check the URL, and that this host can reach it',
  });
}
