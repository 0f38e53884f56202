/** Tells the listeners what happened, once it has. */
import type { RegistryEvent } from '../registry-types.ts';
import { clientAddress, requestedHost } from './client-address.ts';
import type { Exchange } from './exchange.ts';

export type EventFacts = Omit<RegistryEvent, 'repository' | 'request' | 'actor'>;

/** Tells it at once: for what is durable already. */
export function emitEvent(exchange: Exchange, facts: EventFacts): void {
  const { context, request, route, id, method, principal } = exchange;
  const { listeners } = context.parts;
  if (listeners.length === 0) return;
  const event: RegistryEvent = {
    ...facts,
    repository: route.repository,
    request: {
      id,
      address: clientAddress(request),
      host: requestedHost(request),
      method,
      userAgent: request.headers['user-agent'] ?? '',
    },
    actor: principal,
  };
  for (const listener of listeners) listener(event);
}

/** Tells it once the answer has gone out: for pulls. */
export function emitWhenSent(exchange: Exchange, facts: EventFacts): void {
  if (exchange.context.parts.listeners.length === 0) return;
  exchange.response.once('finish', () => emitEvent(exchange, facts));
}
