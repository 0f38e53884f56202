/** `GET /containers/{id}/json`, and Gantry's own start report. */
import { inspectContainer } from '../engine/inspect.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { ContainerInspect } from '../wire/container.ts';
import type { StartReportResponse } from '../wire/start-report.ts';
import { type Call, param } from './call.ts';
import { encodeDetails } from './container-encode.ts';

export async function getContainer(call: Call): Promise<ContainerInspect> {
  const details = await inspectContainer(call.engine, param(call, 'id'), {
    size: call.query.boolean('size'),
  });
  return encodeDetails(details, call.version);
}

export function getStartReport(call: Call): StartReportResponse {
  const container = call.engine.containers.resolve(param(call, 'id'));
  const report = container.startReport;
  if (report === undefined) {
    throw new EngineError('not-found', `container ${container.name} was not started by this daemon yet`);
  }
  return {
    Id: report.containerId,
    Steps: report.steps.map((step) => ({ Name: step.name, Detail: step.detail, Ms: step.ms })),
    TotalMs: report.totalMs,
  };
}
