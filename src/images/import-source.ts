/** Where `docker import` may take its archive from, beside the client: a URL that the daemon reads. */
import type { Readable } from 'node:stream';
import { EnvHttpProxyAgent, request } from 'undici';
import { EngineError, messageOf } from '../errors/engine-error.ts';

export interface ImportSource {
  /** As it was understood. */
  url: string;
  body: Readable;
  /** Bytes, where the server says. */
  length: number | undefined;
}

const maxRedirects = 10;
/** Milliseconds until a server has to begin its answer. */
const patience = 60_000;

/** `source` may lack its scheme, as in Docker. EngineErrors: `invalid-argument` for no HTTP URL, `unavailable` where it cannot be had. */
export async function openImportSource(source: string, signal?: AbortSignal): Promise<ImportSource> {
  const dispatcher = new EnvHttpProxyAgent({ headersTimeout: patience });
  let url = urlOf(source);
  for (let hops = 0; hops <= maxRedirects; hops += 1) {
    const answer = await ask(url, dispatcher, signal);
    // What breaks reaches whoever reads; where nobody does, it is no news.
    answer.body.on('error', () => {});
    const location = answer.headers['location'];
    if (answer.statusCode >= 300 && answer.statusCode < 400 && typeof location === 'string') {
      answer.body.destroy();
      url = urlOf(new URL(location, url).href);
      continue;
    }
    if (answer.statusCode >= 400) {
      answer.body.destroy();
      throw failed(url, `Got HTTP status code >= 400: ${answer.statusCode}`);
    }
    const length = Number(answer.headers['content-length']);
    answer.body.once('close', () => void dispatcher.close());
    return { url: url.href, body: answer.body, length: Number.isSafeInteger(length) ? length : undefined };
  }
  throw failed(url, `more than ${maxRedirects} redirects`);
}

function urlOf(source: string): URL {
  const text = /^[a-z][a-z0-9+.-]*:\/\//i.test(source) ? source : `http://${source}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol === 'http:' || url?.protocol === 'https:') return url;
  throw new EngineError('invalid-argument', `invalid URL: ${source.slice(0, 200)}`, {
    hint: 'give an http:// or https:// URL, or send the archive itself',
  });
}

async function ask(
  url: URL,
  dispatcher: EnvHttpProxyAgent,
  signal: AbortSignal | undefined,
): ReturnType<typeof request> {
  try {
    return await request(url, { dispatcher, signal: signal ?? null });
  } catch (error) {
    if (signal?.aborted === true)
      throw new EngineError('cancelled', 'the import was cancelled', { cause: error });
    throw failed(url, messageOf(error), error);
  }
}

function failed(url: URL, why: string, cause?: unknown): EngineError {
  return new EngineError('unavailable', `failed to download ${url.href}: ${why}`, {
    cause,
    hint: 'check the URL, and that the daemon’s host can reach it',
  });
}
