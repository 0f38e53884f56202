/** Steps on project quotas and their answers, as bytes (docs/shim-protocol.md, quota). */
import { decodeRecord, encodeFields, type Field, numberOf } from './frame.ts';
import type { QuotaAnswer, QuotaStep } from './launcher-types.ts';

const kinds = { state: 1, project: 2, 'set-project': 3, usage: 4, limit: 5 } as const;

export function encodeQuota(root: string, steps: readonly QuotaStep[]): Buffer {
  return encodeFields([[1, root], ...steps.map((step): Field => [2, encodeFields(stepFields(step))])]);
}

function stepFields(step: QuotaStep): Field[] {
  const kind: Field = [1, kinds[step.kind]];
  switch (step.kind) {
    case 'state':
      return [kind];
    case 'project':
      return [kind, [2, step.path]];
    case 'set-project':
      return [kind, [2, step.path], [3, step.project]];
    case 'usage':
      return [kind, [3, step.project]];
    case 'limit':
      return [kind, [3, step.project], [4, step.bytes]];
  }
}

export function decodeQuotaAnswer(body: Buffer): QuotaAnswer {
  const record = decodeRecord(body);
  return {
    isEnforced: numberOf(record, 1) === 1,
    project: numberOf(record, 2) ?? 0,
    limit: numberOf(record, 3) ?? 0,
    used: numberOf(record, 4) ?? 0,
    inodes: numberOf(record, 5) ?? 0,
  };
}
