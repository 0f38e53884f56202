/** `POST /containers/{id}/update`. */
import { updateContainer } from '../engine/update.ts';
import type { UpdateResponse } from '../wire/update.ts';
import { type Call, param, requiredJsonBody } from './call.ts';
import { decodeResources, decodeRestartPolicy } from './host-config-decode.ts';

export async function postUpdate(call: Call): Promise<UpdateResponse> {
  const fields = await requiredJsonBody(call);
  const warnings = await updateContainer(call.engine, param(call, 'id'), {
    resources: decodeResources(fields),
    restartPolicy: decodeRestartPolicy(fields.object('RestartPolicy')),
  });
  return { Warnings: warnings.length === 0 ? null : warnings };
}
