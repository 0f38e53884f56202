/** What stands before the registry proper: health, and the registry's own token service. */
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { Access } from '../access/create-access.ts';

export interface FrontParts {
  /** The registry proper. */
  handle: (request: IncomingMessage, response: ServerResponse) => void;
  tokenService: Access['tokenService'];
  prefix: string;
  problems(): Record<string, string>;
}

/** `parts` is asked for each request, so that they may change. */
export function frontHandler(parts: () => FrontParts): RequestListener {
  return (request, response) => {
    const { handle, tokenService, prefix, problems } = parts();
    const sick = Object.values(problems());
    if (sick.length > 0) {
      answerError(response, 503, 'UNAVAILABLE', `service unavailable: ${sick.join('; ')}`);
      return;
    }
    const path = (request.url ?? '').split('?')[0];
    if (tokenService !== undefined && path === `${prefix}${tokenService.path}`) {
      void answerToken(request, response, tokenService);
      return;
    }
    handle(request, response);
  };
}

/** Docker asks with GET, with Basic credentials or none. Clients that try OAuth's POST first go on to GET after 405. */
async function answerToken(
  request: IncomingMessage,
  response: ServerResponse,
  { issue }: NonNullable<Access['tokenService']>,
): Promise<void> {
  request.resume();
  if (request.method !== 'GET') {
    response.setHeader('Allow', 'GET');
    answerError(response, 405, 'UNSUPPORTED', 'tokens are asked for with GET');
    return;
  }
  try {
    const token = await issue(request.headers.authorization);
    response
      .writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' })
      .end(JSON.stringify(token));
  } catch (error) {
    answerFailure(response, error);
  }
}

function answerFailure(response: ServerResponse, error: unknown): void {
  if (isEngineError(error, 'unauthorized')) {
    response.setHeader('WWW-Authenticate', String(error.details['challenge'] ?? 'Basic'));
    answerError(response, 401, 'UNAUTHORIZED', error.message);
    return;
  }
  if (error instanceof EngineError && error.code === 'unavailable') {
    answerError(response, 503, 'UNAVAILABLE', error.message);
    return;
  }
  answerError(response, 500, 'UNKNOWN', 'unknown error');
}

/** distribution-spec, "Error Codes". */
function answerError(response: ServerResponse, status: number, code: string, message: string): void {
  response
    .writeHead(status, { 'Content-Type': 'application/json; charset=utf-8' })
    .end(JSON.stringify({ errors: [{ code, message }] }));
}
