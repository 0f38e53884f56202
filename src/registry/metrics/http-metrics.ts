/** Metrics of requests, named as distribution names them. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Counter, exponentialBuckets, Gauge, Histogram, type Registry } from 'prom-client';
import type { AnsweredRequest } from '../registry-types.ts';
import { handlerOf, methodLabel, routeOfPath } from './names.ts';

const durations = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 60];
/** Bytes: 1 KiB to 2 GiB. */
const sizes = exponentialBuckets(1024, 2, 22);

export interface HttpMetrics {
  onAnswer(answer: AnsweredRequest): void;
  /** Counts what is under way in a server, and what its requests bring. */
  observe(server: Pick<Server, 'on'>): void;
}

export function createHttpMetrics(registry: Registry): HttpMetrics {
  const common = { registers: [registry] };
  const requests = new Counter({
    ...common,
    name: 'registry_http_requests_total',
    help: 'Requests that were answered.',
    labelNames: ['code', 'handler', 'method'],
  });
  const duration = new Histogram({
    ...common,
    name: 'registry_http_request_duration_seconds',
    help: 'Time from a request to the end of its answer.',
    labelNames: ['handler', 'method'],
    buckets: durations,
  });
  const responseSize = new Histogram({
    ...common,
    name: 'registry_http_response_size_bytes',
    help: 'Bytes of answers.',
    labelNames: ['handler'],
    buckets: sizes,
  });
  return {
    onAnswer: ({ route, method, status, milliseconds, bytes }) => {
      const handler = handlerOf(route, method);
      const label = methodLabel(method);
      requests.inc({ code: status, handler, method: label });
      duration.observe({ handler, method: label }, milliseconds / 1000);
      responseSize.observe({ handler }, bytes);
    },
    observe: observer(registry),
  };
}

function observer(registry: Registry): HttpMetrics['observe'] {
  const inFlight = new Gauge({
    registers: [registry],
    name: 'registry_http_in_flight_requests',
    help: 'Requests under way.',
    labelNames: ['handler'],
  });
  const requestSize = new Histogram({
    registers: [registry],
    name: 'registry_http_request_size_bytes',
    help: 'Bytes of requests: line, headers and body.',
    labelNames: ['handler'],
    buckets: sizes,
  });
  /** What each connection had brought when its last request ended: bodies need not be looked at to be measured. */
  const measured = new WeakMap<Socket, number>();
  return (server) => {
    server.on('request', ({ url, method, socket }: IncomingMessage, response: ServerResponse) => {
      const handler = handlerOf(routeOfPath(url ?? ''), method ?? '');
      inFlight.inc({ handler });
      response.once('close', () => {
        inFlight.dec({ handler });
        requestSize.observe({ handler }, socket.bytesRead - (measured.get(socket) ?? 0));
        measured.set(socket, socket.bytesRead);
      });
    });
  };
}
