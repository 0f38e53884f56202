/** Tells other programs what happens in the registry, as distribution does. */
import { randomUUID } from 'node:crypto';
import type { Logger } from 'pino';
import { EngineError } from '../../errors/engine-error.ts';
import type { RegistryEvent, RegistryListener } from '../registry-types.ts';
import type { WebhookConfig, WebhookEndpoint } from './webhook-config.ts';
import { encodeEvent } from './webhook-event.ts';
import { type EndpointStats, WebhookQueue } from './webhook-queue.ts';

export interface Webhooks {
  /** Only queues: no request waits for an endpoint. */
  listener: RegistryListener;
  stats(): EndpointStats[];
  /** Waits for what is queued, at most `milliseconds` (5,000 unless told). */
  close(milliseconds?: number): Promise<void>;
}

const closeTimeout = 5000;

/** EngineError `invalid-argument` for an endpoint without name or with a URL that is none. */
export function createWebhooks(config: WebhookConfig, log: Logger): Webhooks {
  const source = { addr: config.address, instanceID: randomUUID() };
  const targets = config.endpoints
    .filter(({ disabled }) => disabled !== true)
    .map((endpoint) => {
      checkEndpoint(endpoint);
      return { queue: new WebhookQueue(endpoint, log, config.queueLimit), wants: wantsOf(endpoint) };
    });
  return {
    listener: (event) => {
      const takers = targets.filter(({ wants }) => wants(event));
      if (takers.length === 0) return;
      const text = encodeEvent(event, source, config);
      for (const { queue } of takers) queue.push(text);
    },
    stats: () => targets.map(({ queue }) => queue.stats),
    close: async (milliseconds = closeTimeout) => {
      await Promise.all(targets.map(({ queue }) => queue.close(milliseconds)));
    },
  };
}

function checkEndpoint({ name, url }: WebhookEndpoint): void {
  if (name !== '' && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol)) return;
  throw new EngineError('invalid-argument', `invalid notification endpoint ${JSON.stringify(name)}: ${url}`, {
    hint: 'give each endpoint a name and an http or https URL',
  });
}

function wantsOf({
  ignoredActions = [],
  ignoredMediaTypes = [],
}: WebhookEndpoint): (event: RegistryEvent) => boolean {
  const actions = new Set(ignoredActions);
  const types = new Set(ignoredMediaTypes);
  return ({ action, mediaType }) => !actions.has(action) && !types.has(mediaType);
}
