/** `--gpus all`, `--gpus 2`, `--gpus '"device=0,1",capabilities=utility'`. */
import { EngineError } from '../../errors/engine-error.ts';
import type { FlagSpec } from '../flags/flag.ts';
import { addPair, splitCsv, splitPair } from './csv.ts';

export interface DeviceRequest {
  Driver: string;
  Count: number;
  DeviceIDs: string[] | null;
  Capabilities: string[][];
  Options: Record<string, string>;
}

export function parseGpus(help: string, group: string): FlagSpec<readonly DeviceRequest[]> {
  return {
    type: 'gpu-request',
    help,
    group,
    initial: [],
    parse: (text, previous) => [...previous, requestOf(text)],
  };
}

function requestOf(text: string): DeviceRequest {
  const request: DeviceRequest = { Driver: '', Count: 0, DeviceIDs: null, Capabilities: [], Options: {} };
  const seen = new Set<string>();
  for (const field of splitCsv(text)) {
    const pair = splitPair(field);
    const { key, value } = pair.hasValue ? pair : { key: 'count', value: field };
    if (seen.has(key)) {
      throw new EngineError('invalid-argument', `gpu request key '${key}' can be specified only once`);
    }
    seen.add(key);
    applyField(request, key, value, field);
  }
  if (!seen.has('count') && request.DeviceIDs === null) request.Count = 1;
  const capabilities = request.Capabilities.flat();
  return {
    ...request,
    Capabilities: [capabilities.includes('gpu') ? capabilities : [...capabilities, 'gpu']],
  };
}

function applyField(request: DeviceRequest, key: string, value: string, field: string): void {
  switch (key) {
    case 'driver':
      request.Driver = value;
      return;
    case 'count':
      request.Count = countOf(value);
      return;
    case 'device':
      request.DeviceIDs = value.split(',');
      return;
    case 'capabilities':
      request.Capabilities.push(value.split(','));
      return;
    case 'options':
      for (const option of splitCsv(value)) addPair(request.Options, option);
      return;
    default:
      throw new EngineError('invalid-argument', `unexpected key '${key}' in '${field}'`);
  }
}

function countOf(value: string): number {
  if (value === 'all') return -1;
  if (/^[+-]?\d+$/.test(value)) return Number(value);
  throw new EngineError(
    'invalid-argument',
    `invalid count (${value}): value must be either "all" or an integer: invalid syntax`,
  );
}
