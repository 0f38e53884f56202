/** The way of one request: which endpoint, whether its names are sound, whether the client may, and the answer. */
import type { AccessRequest } from '../registry-types.ts';
import { answerFailure } from './answer-failure.ts';
import { originOf } from './client-address.ts';
import { type Exchange, send } from './exchange.ts';
import { checkName } from './names.ts';
import { methodsOf, type Operation, operations } from './operations.ts';
import { drainBody } from './receive-body.ts';
import { registryError } from './registry-error.ts';

/** Undefined where the request is answered already. */
function findOperation(exchange: Exchange): Operation | undefined {
  const { route, method, failureHeaders } = exchange;
  if (route.kind === 'unknown')
    throw registryError('UNSUPPORTED', { status: 404, message: 'there is no such endpoint' });
  const methods = operations[route.kind];
  const name = method === 'HEAD' ? 'GET' : method;
  const operation = Object.hasOwn(methods, name) ? methods[name] : undefined;
  if (operation !== undefined) return operation;
  const allowed = ['Allow', methodsOf(route.kind)];
  if (method === 'OPTIONS') {
    send(exchange, 200, allowed);
    return undefined;
  }
  failureHeaders.push(...allowed);
  throw registryError('UNSUPPORTED', { message: `${method.slice(0, 20)} is not allowed here` });
}

function checkSettings({ context, route }: Exchange, { changes, deletes }: Operation): void {
  const { readOnly, deletes: areDeletesAllowed } = context.parts.settings;
  if (changes && readOnly)
    throw registryError('UNSUPPORTED', { message: 'the registry is in read-only mode' });
  if (deletes && !areDeletesAllowed)
    throw registryError('UNSUPPORTED', {
      message: 'deletions are disabled',
      detail: { name: route.repository },
      hint: 'set storage.delete.enabled (REGISTRY_STORAGE_DELETE_ENABLED=true)',
    });
}

function accessesOf({ route }: Exchange, { actions }: Operation): AccessRequest[] {
  if (route.kind === 'base') return [];
  if (route.kind === 'catalog') return [{ type: 'registry', name: 'catalog', actions }];
  return [{ type: 'repository', name: route.repository, actions }];
}

async function run(exchange: Exchange): Promise<void> {
  const operation = findOperation(exchange);
  if (operation === undefined) return;
  const { context, request, route } = exchange;
  if (route.kind !== 'root') {
    if (route.kind !== 'base' && route.kind !== 'catalog') checkName(route.repository);
    exchange.principal = await context.parts.access.authorize(
      request.headers.authorization,
      accessesOf(exchange, operation),
      originOf(request, context.parts.settings),
    );
    checkSettings(exchange, operation);
  }
  await operation.run(exchange);
}

/** Never rejects: whatever happens is answered. */
export async function serveRequest(exchange: Exchange): Promise<void> {
  try {
    await run(exchange);
    drainBody(exchange.request);
  } catch (error) {
    tryToAnswer(exchange, error);
  }
}

/** A header that Node.js refuses to send must not end the process. */
function tryToAnswer(exchange: Exchange, error: unknown): void {
  try {
    answerFailure(exchange, error);
  } catch {
    exchange.response.destroy();
  }
}
