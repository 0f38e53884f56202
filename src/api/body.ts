/** Reads the JSON body of a request, with Docker's errors for what is no JSON. */
import type { IncomingHttpHeaders } from 'node:http';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { Fields } from './fields.ts';

/** No document of the API comes near this; without a bound a client could fill the daemon's memory. */
const maxBody = 16 * 1024 * 1024;

/**
 * The fields of the body, or undefined where there is none or null. EngineError `invalid-argument` for another
 * content type than JSON, and for text that is no JSON object.
 */
export async function readJson(
  headers: IncomingHttpHeaders,
  body: AsyncIterable<Uint8Array>,
): Promise<Fields | undefined> {
  const empty = headers['content-length'] === '0' || !hasBody(headers);
  if (empty && headers['content-type'] === undefined) return undefined;
  checkJsonType(headers['content-type'] ?? '');
  if (empty) return undefined;
  const text = await collect(body);
  return text.trim() === 'null' ? undefined : parseJson(text);
}

/** The fields of a JSON text. */
export function parseJson(text: string): Fields {
  if (text.trim() === '') {
    throw new EngineError('invalid-argument', 'invalid JSON: got EOF while reading request body');
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new EngineError('invalid-argument', `invalid JSON: ${syntaxMessage(cause)}`, { cause });
  }
  return Fields.of(value);
}

function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

function checkJsonType(contentType: string): void {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (type === 'application/json') return;
  const text = `unsupported Content-Type header (${contentType}): must be 'application/json'`;
  throw new EngineError('invalid-argument', text);
}

/** Docker says "unexpected EOF" for a document that stops in its middle. */
function syntaxMessage(cause: unknown): string {
  const message = messageOf(cause);
  return /end of JSON input|Unterminated/.test(message) ? 'unexpected EOF' : message;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    size += chunk.length;
    if (size > maxBody) throw new EngineError('invalid-argument', 'the request body is too large');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
