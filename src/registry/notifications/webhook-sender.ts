/** Delivers one envelope to one endpoint. */
import { Agent, type Dispatcher, EnvHttpProxyAgent, interceptors, request } from 'undici';
import type { WebhookEndpoint } from './webhook-config.ts';
import { envelopeType } from './webhook-event.ts';

const defaultTimeout = 1000;
const maxRedirects = 5;
/** Bytes of an answer's body that are read so that the connection can be used again. */
const readLimit = 64 * 1024;

export interface WebhookSender {
  /** The answer's status. Rejects where there is none in time. */
  send(text: string, signal: AbortSignal): Promise<number>;
  close(): Promise<void>;
}

export function createSender(endpoint: WebhookEndpoint): WebhookSender {
  const agent = newAgent(endpoint.url);
  const dispatcher = agent.compose(interceptors.redirect({ maxRedirections: maxRedirects }));
  const headers = { 'user-agent': 'gantry-registry', ...withLists(endpoint), 'content-type': envelopeType };
  const timeout = endpoint.timeout || defaultTimeout;
  return {
    send: async (body, signal) => {
      const answer = await request(endpoint.url, {
        method: 'POST',
        headers,
        body,
        dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      });
      // Nobody wants what it says; a connection that breaks now has done its work.
      await answer.body.dump({ limit: readLimit }).catch(() => undefined);
      return answer.statusCode;
    },
    close: () => agent.destroy(),
  };
}

/** Programs beside the registry are reached directly, whatever proxy the environment names. */
function newAgent(url: string): Dispatcher {
  const { hostname } = new URL(url);
  const isLoopback = hostname === 'localhost' || hostname.startsWith('127.') || hostname === '[::1]';
  return isLoopback ? new Agent() : new EnvHttpProxyAgent();
}

function withLists({ headers = {} }: WebhookEndpoint): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.toLowerCase(),
      typeof value === 'string' ? value : [...value],
    ]),
  );
}
