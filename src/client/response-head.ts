/** The head of an HTTP/1.1 response (RFC 9112): status line and fields. */
import { EngineError } from '../errors/engine-error.ts';
import type { ByteSource } from './byte-source.ts';

export interface ResponseHead {
  status: number;
  /** Names in lower case; of a repeated field the last. */
  headers: ReadonlyMap<string, string>;
}

const maxHead = 256 * 1024;

/**
 * Reads the head and leaves the body in `source`; 1xx heads other than 101 are passed over.
 * EngineError `data-loss` for what is no HTTP, `unavailable` for an end before it.
 */
export async function readResponseHead(source: ByteSource): Promise<ResponseHead> {
  for (;;) {
    const head = parseHead(await readHeadText(source));
    if (head.status >= 200 || head.status === 101) return head;
  }
}

async function readHeadText(source: ByteSource): Promise<string> {
  let collected: Buffer = Buffer.alloc(0);
  for (;;) {
    const chunk = await source.read();
    if (chunk === undefined) {
      throw new EngineError('unavailable', 'the daemon closed the connection without an answer', {
        hint: 'Look at its log: it may have stopped. If it listens there with TLS, use --tlsverify.',
      });
    }
    collected = collected.length === 0 ? chunk : Buffer.concat([collected, chunk]);
    const end = collected.indexOf('\r\n\r\n');
    if (end >= 0) {
      source.unread(collected.subarray(end + 4));
      return collected.toString('latin1', 0, end);
    }
    if (collected.length > maxHead)
      throw new EngineError('data-loss', 'the answer has no end of its headers');
  }
}

function parseHead(text: string): ResponseHead {
  const [first = '', ...lines] = text.split('\r\n');
  const status = /^HTTP\/1\.[01] (\d{3})(?: |$)/.exec(first)?.[1];
  if (status === undefined) {
    throw new EngineError('data-loss', `malformed HTTP response ${JSON.stringify(first.slice(0, 40))}`, {
      hint: 'What listens at this address speaks no HTTP: check -H, or use --tls if it is a TLS port.',
    });
  }
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(':');
    if (colon > 0) headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return { status: Number(status), headers };
}
