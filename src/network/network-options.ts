/** The options of a bridge network (`com.docker.network.…`), read and checked. Pure. */
import { isIPv4 } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import { requireInterfaceName } from './firewall-types.ts';

export const bridgeOption = {
  name: 'com.docker.network.bridge.name',
  ipMasq: 'com.docker.network.bridge.enable_ip_masquerade',
  icc: 'com.docker.network.bridge.enable_icc',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  isDefault: 'com.docker.network.bridge.default_bridge',
  inhibitIpv4: 'com.docker.network.bridge.inhibit_ipv4',
  gatewayMode4: 'com.docker.network.bridge.gateway_mode_ipv4',
  gatewayMode6: 'com.docker.network.bridge.gateway_mode_ipv6',
  mtu: 'com.docker.network.driver.mtu',
  interfacePrefix: 'com.docker.network.container_iface_prefix',
} as const;

export interface BridgeOptionValues {
  icc: boolean;
  ipMasq: boolean;
  hostBinding: string | undefined;
  mtu: number | undefined;
  interfacePrefix: string | undefined;
}

/** As Go's strconv.ParseBool reads them. */
const trueWords: readonly string[] = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const falseWords: readonly string[] = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

/** EngineError `invalid-argument` for a value that can't be read, `not-implemented` for one that Gantry can't do. Options of others are left alone. */
export function parseBridgeOptions(options: Readonly<Record<string, string>>): BridgeOptionValues {
  const name = options[bridgeOption.name];
  if (name !== undefined && name !== '') requireInterfaceName(name);
  refuse(options, bridgeOption.gatewayMode4, 'nat');
  refuse(options, bridgeOption.gatewayMode6, 'nat');
  if (boolean(options, bridgeOption.inhibitIpv4, false)) throw notImplemented(bridgeOption.inhibitIpv4);
  if (boolean(options, bridgeOption.isDefault, false)) throw invalid('only one default bridge is possible');
  return {
    icc: boolean(options, bridgeOption.icc, true),
    ipMasq: boolean(options, bridgeOption.ipMasq, true),
    hostBinding: hostBinding(options[bridgeOption.hostBinding]),
    mtu: mtu(options[bridgeOption.mtu]),
    interfacePrefix: interfacePrefix(options[bridgeOption.interfacePrefix]),
  };
}

function boolean(options: Readonly<Record<string, string>>, key: string, fallback: boolean): boolean {
  const text = options[key];
  if (text === undefined || text === '') return fallback;
  if (trueWords.includes(text)) return true;
  if (falseWords.includes(text)) return false;
  throw invalid(`failed to parse ${key} value: ${JSON.stringify(text)} is neither true nor false`);
}

function hostBinding(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (isIPv4(text)) return text;
  throw invalid(
    `failed to parse ${bridgeOption.hostBinding} value: ${JSON.stringify(text)} is no IPv4 address`,
  );
}

/** 68 is the least that IPv4 can do with (RFC 791). */
function mtu(text: string | undefined): number | undefined {
  if (text === undefined || text === '' || text === '0') return undefined;
  if (/^\d{1,5}$/.test(text) && Number(text) >= 68 && Number(text) <= 65_535) return Number(text);
  throw invalid(`failed to parse ${bridgeOption.mtu} value: ${JSON.stringify(text)} is no MTU`);
}

/** A number follows it, and the kernel takes 15 characters. */
function interfacePrefix(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (/^[A-Za-z][A-Za-z0-9_.-]{0,11}$/.test(text)) return text;
  throw invalid(`invalid ${bridgeOption.interfacePrefix}: ${JSON.stringify(text)}`);
}

function refuse(options: Readonly<Record<string, string>>, key: string, only: string): void {
  const value = options[key];
  if (value === undefined || value === '' || value === only) return;
  throw notImplemented(`${key}=${value}`);
}

function notImplemented(option: string): EngineError {
  return new EngineError('not-implemented', `network option ${option}: not implemented by Gantry`, {
    hint: 'leave it out',
  });
}

function invalid(message: string): EngineError {
  return new EngineError('invalid-argument', message);
}
