/** `--network NAME` and `--network name=…,alias=…,ip=…`. */
import { EngineError } from '../../errors/engine-error.ts';
import type { FlagSpec } from '../flags/flag.ts';
import { addPair, splitCsv, splitPair } from './csv.ts';

/** One network that the container is to join. */
export interface NetworkRequest {
  target: string;
  aliases: string[];
  driverOptions: Record<string, string>;
  ipv4: string;
  ipv6: string;
  linkLocal: string[];
  macAddress: string;
  gatewayPriority: number;
}

export function networkRequest(target: string): NetworkRequest {
  return {
    target,
    aliases: [],
    driverOptions: {},
    ipv4: '',
    ipv6: '',
    linkLocal: [],
    macAddress: '',
    gatewayPriority: 0,
  };
}

export function parseNetwork(help: string, group: string): FlagSpec<readonly NetworkRequest[]> {
  return {
    type: 'network',
    help,
    group,
    initial: [],
    parse: (text, previous) => [...previous, requestOf(text)],
  };
}

function requestOf(text: string): NetworkRequest {
  const request = networkRequest('');
  // Without a `=` it is a name as it is, commas and all.
  if (!text.includes('=')) return { ...request, target: text };
  for (const field of splitCsv(text)) {
    const { key, value, hasValue } = splitPair(field);
    if (!hasValue) throw new EngineError('invalid-argument', `invalid field ${field}`);
    applyField(request, key, value);
  }
  if (request.target === '') throw new EngineError('invalid-argument', 'network name/id is not specified');
  return request;
}

function applyField(request: NetworkRequest, key: string, value: string): void {
  switch (key) {
    case 'name':
      request.target = value;
      return;
    case 'alias':
      request.aliases.push(value);
      return;
    case 'ip':
      request.ipv4 = value;
      return;
    case 'ip6':
      request.ipv6 = value;
      return;
    case 'mac-address':
      request.macAddress = value;
      return;
    case 'link-local-ip':
      request.linkLocal.push(value);
      return;
    case 'driver-opt':
      if (!value.includes('='))
        throw new EngineError('invalid-argument', 'invalid key value pair format in driver options');
      addPair(request.driverOptions, value.toLowerCase());
      return;
    case 'gw-priority':
      if (!/^[+-]?\d+$/.test(value))
        throw new EngineError('invalid-argument', `invalid gw-priority (${value})`);
      request.gatewayPriority = Number(value);
      return;
    default:
      throw new EngineError('invalid-argument', `invalid field key ${key}`);
  }
}
