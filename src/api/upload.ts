/** An archive in a request's body, for an operation that may fail before it has read all of it. */
import type { IncomingMessage } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';

/**
 * The body as a stream of its own: whoever destroys it leaves the connection alone. The rest of the body is read and dropped then, since a client
 * that is cut off while it sends would never see the answer.
 */
export function uploadOf(request: IncomingMessage): Readable {
  const body = new PassThrough();
  request.pipe(body);
  request.once('error', (error) => body.destroy(error));
  request.once('aborted', () => body.destroy(new Error('the client went away while it sent')));
  body.once('close', () => {
    request.unpipe(body);
    request.resume();
  });
  /* A failure reaches whoever reads; where nobody does any more, it is no news. */
  body.on('error', () => {});
  return body;
}
