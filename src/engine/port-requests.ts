/** From `-p` and `-P`, as the host configuration has them, to the ports that the network is asked to publish. */
import { EngineError } from '../errors/engine-error.ts';
import type { PortProtocol, PortRequest } from '../network/network-types.ts';
import type { HostConfig } from './model.ts';

/** The two halves of `80/tcp` (`80` means tcp). EngineError `invalid-argument` for anything else. */
export function parseContainerPort(text: string): { port: number; protocol: PortProtocol } {
  const [digits = '', protocol = 'tcp', ...rest] = text.toLowerCase().split('/');
  const port = parsePort(digits);
  if (port === undefined || port === 0 || rest.length > 0) {
    throw new EngineError('invalid-argument', `invalid port specification: "${text}"`, {
      hint: 'write a port from 1 to 65535, with /tcp, /udp or /sctp after it',
    });
  }
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') {
    throw new EngineError('invalid-argument', `invalid proto: ${protocol}`, {
      hint: 'use tcp, udp or sctp',
    });
  }
  return { port, protocol };
}

function parsePort(digits: string): number | undefined {
  const port = Number(digits);
  return /^\d{1,5}$/.test(digits) && port <= 65_535 ? port : undefined;
}

/** Candidates on the host of `''` (any), `8080` or `8000-8010`. EngineError `invalid-argument` for anything else. */
export function parseHostPorts(text: string): { first: number; last: number } {
  if (text === '') return { first: 0, last: 0 };
  const [low = '', high = low, ...rest] = text.split('-');
  const [first, last] = [parsePort(low), parsePort(high)];
  if (first === undefined || last === undefined || first > last || rest.length > 0) {
    throw new EngineError('invalid-argument', `invalid port specification: "${text}"`, {
      hint: 'write a port of the host from 0 to 65535, or a range such as 8000-8010',
    });
  }
  return { first, last };
}

/** What to publish: each binding of each port, and with `-P` every exposed port that has none. `defaultAddress` stands in for ''. */
export function portRequests(
  exposed: readonly string[],
  hostConfig: Pick<HostConfig, 'portBindings' | 'publishAllPorts'>,
  defaultAddress: string,
): PortRequest[] {
  const everywhere = defaultAddress === '0.0.0.0' ? '' : defaultAddress;
  const requests: PortRequest[] = [];
  const request = (key: string, hostIp: string, hostPort: string): void => {
    const { port, protocol } = parseContainerPort(key);
    const { first, last } = parseHostPorts(hostPort);
    const address = hostIp === '' ? everywhere : hostIp;
    requests.push({
      containerPort: port,
      protocol,
      hostIp: address,
      hostPortFirst: first,
      hostPortLast: last,
    });
  };
  for (const [key, bindings] of Object.entries(hostConfig.portBindings))
    for (const binding of bindings) request(key, binding.hostIp, binding.hostPort);
  if (!hostConfig.publishAllPorts) return requests;
  const all = new Set([...exposed, ...Object.keys(hostConfig.portBindings)]);
  for (const key of all) if ((hostConfig.portBindings[key]?.length ?? 0) === 0) request(key, '', '');
  return requests;
}
