/** Events as distribution's webhooks carry them (https://distribution.github.io/distribution/about/notifications). */
import { randomUUID } from 'node:crypto';
import { manifestKind } from '../../oci/media-types.ts';
import type { RegistryEvent } from '../registry-types.ts';
import type { WebhookConfig } from './webhook-config.ts';

export const envelopeType = 'application/vnd.docker.distribution.events.v1+json';

export interface EventSource {
  addr: string;
  /** Another one each time the registry starts. */
  instanceID: string;
}

export type EventSettings = Pick<WebhookConfig, 'includeReferences' | 'scheme' | 'url'>;

/** The JSON text of an envelope around one event. */
export function encodeEvent(event: RegistryEvent, source: EventSource, settings: EventSettings): string {
  const { id, address, host, method, userAgent } = event.request;
  const encoded = {
    id: randomUUID(),
    timestamp: new Date().toISOString(),
    action: event.action,
    target: encodeTarget(event, settings),
    request: { id, addr: address, host, method, useragent: userAgent },
    actor: event.actor.name === '' ? {} : { name: event.actor.name },
    source,
  };
  return JSON.stringify({ events: [encoded] });
}

/** What is not known is left out, as distribution does. */
function encodeTarget(event: RegistryEvent, settings: EventSettings): Record<string, unknown> {
  const { mediaType, size, digest, repository, fromRepository, tag, references } = event;
  return {
    ...(mediaType === '' ? {} : { mediaType }),
    ...(size === 0 ? {} : { size }),
    digest,
    ...(size === 0 ? {} : { length: size }),
    repository,
    fromRepository,
    url: urlOf(event, settings),
    tag,
    references: settings.includeReferences === true && references?.length !== 0 ? references : undefined,
  };
}

function urlOf(event: RegistryEvent, settings: EventSettings): string | undefined {
  // What was deleted is nowhere any more.
  if (event.digest === undefined || event.action === 'delete') return undefined;
  const base = settings.url || `${settings.scheme ?? 'http'}://${event.request.host}`;
  const kind = manifestKind(event.mediaType) === 'unknown' ? 'blobs' : 'manifests';
  return `${base.replace(/\/$/, '')}/v2/${event.repository}/${kind}/${event.digest}`;
}
