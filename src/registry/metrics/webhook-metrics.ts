/** Metrics of webhooks, named as distribution names them, read from the queues when somebody asks. */
import { STATUS_CODES } from 'node:http';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { EndpointStats } from '../notifications/webhook-queue.ts';

export function registerWebhookMetrics(registry: Registry, stats: () => readonly EndpointStats[]): void {
  const common = { registers: [registry] };
  new Counter({
    ...common,
    name: 'registry_notifications_events_total',
    help: 'Events by what became of them.',
    labelNames: ['type', 'endpoint'],
    collect() {
      this.reset();
      for (const { name: endpoint, events, successes, failures, errors, dropped } of stats()) {
        this.inc({ type: 'Events', endpoint }, events);
        this.inc({ type: 'Successes', endpoint }, successes);
        this.inc({ type: 'Failures', endpoint }, failures);
        this.inc({ type: 'Errors', endpoint }, errors);
        this.inc({ type: 'Dropped', endpoint }, dropped);
      }
    },
  });
  new Gauge({
    ...common,
    name: 'registry_notifications_pending_total',
    help: 'Events that wait for an endpoint.',
    labelNames: ['endpoint'],
    collect() {
      for (const { name: endpoint, pending } of stats()) this.set({ endpoint }, pending);
    },
  });
  new Counter({
    ...common,
    name: 'registry_notifications_status_total',
    help: 'Answers of endpoints by status.',
    labelNames: ['code', 'endpoint'],
    collect() {
      this.reset();
      for (const { name: endpoint, statuses } of stats())
        for (const [status, count] of statuses)
          this.inc({ code: `${status} ${STATUS_CODES[status] ?? ''}`.trim(), endpoint }, count);
    },
  });
}
