/** The options of a bridge network (`com.docker.network.…`), read and checked. Pure. */
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { EngineError } from '../errors/engine-error.ts';
import { isInterfaceName, requireInterfaceName } from './firewall-types.ts';
import type { FamilyModes, GatewayMode } from './network-types.ts';

export const bridgeOption = {
  name: 'com.docker.network.bridge.name',
  ipMasq: 'com.docker.network.bridge.enable_ip_masquerade',
  icc: 'com.docker.network.bridge.enable_icc',
  hostBinding: 'com.docker.network.bridge.host_binding_ipv4',
  isDefault: 'com.docker.network.bridge.default_bridge',
  inhibitIpv4: 'com.docker.network.bridge.inhibit_ipv4',
  gatewayMode4: 'com.docker.network.bridge.gateway_mode_ipv4',
  gatewayMode6: 'com.docker.network.bridge.gateway_mode_ipv6',
  trusted: 'com.docker.network.bridge.trusted_host_interfaces',
  hostAddress4: 'com.docker.network.host_ipv4',
  hostAddress6: 'com.docker.network.host_ipv6',
  enableIpv4: 'com.docker.network.enable_ipv4',
  enableIpv6: 'com.docker.network.enable_ipv6',
  mtu: 'com.docker.network.driver.mtu',
  interfacePrefix: 'com.docker.network.container_iface_prefix',
} as const;

export interface BridgeOptionValues {
  icc: boolean;
  ipMasq: boolean;
  modes: FamilyModes;
  /** The bridge gets no IPv4 address: the gateway is another machine. */
  inhibitIpv4: boolean;
  /** Interfaces of the host from which published ports are reached at the container's own address. */
  trusted: string[];
  /** Source addresses of what leaves, by family, in place of that of the interface which it leaves by. */
  hostAddresses: { ipv4?: string; ipv6?: string };
  hostBinding: string | undefined;
  mtu: number | undefined;
  interfacePrefix: string | undefined;
}

/** As Go's strconv.ParseBool reads them. */
const trueWords: readonly string[] = ['1', 't', 'T', 'true', 'TRUE', 'True'];
const falseWords: readonly string[] = ['0', 'f', 'F', 'false', 'FALSE', 'False'];

/** EngineError `invalid-argument` for a value that can't be read. Options of others are left alone. */
export function parseBridgeOptions(options: Readonly<Record<string, string>>): BridgeOptionValues {
  const name = options[bridgeOption.name];
  if (name !== undefined && name !== '') requireInterfaceName(name);
  if (boolean(options, bridgeOption.isDefault, false)) throw invalid('only one default bridge is possible');
  return {
    icc: boolean(options, bridgeOption.icc, true),
    ipMasq: boolean(options, bridgeOption.ipMasq, true),
    modes: {
      ipv4: gatewayMode(options, bridgeOption.gatewayMode4),
      ipv6: gatewayMode(options, bridgeOption.gatewayMode6),
    },
    inhibitIpv4: boolean(options, bridgeOption.inhibitIpv4, false),
    trusted: trusted(options[bridgeOption.trusted]),
    hostAddresses: {
      ...hostAddress(options, 'ipv4', bridgeOption.hostAddress4),
      ...hostAddress(options, 'ipv6', bridgeOption.hostAddress6),
    },
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

/** Whether a network has a family, where its request says nothing of that; undefined where the options don't either. */
export function familyOption(
  options: Readonly<Record<string, string>>,
  family: 'enableIpv4' | 'enableIpv6',
): boolean | undefined {
  return options[bridgeOption[family]] === undefined
    ? undefined
    : boolean(options, bridgeOption[family], true);
}

const modes: readonly GatewayMode[] = ['nat', 'nat-unprotected', 'routed', 'isolated'];

function gatewayMode(options: Readonly<Record<string, string>>, key: string): GatewayMode {
  const text = options[key];
  if (text === undefined || text === '') return 'nat';
  const found = modes.find((mode) => mode === text);
  if (found !== undefined) return found;
  throw invalid(`failed to parse ${key} value: unknown gateway mode ${text}`, `choose ${modes.join(', ')}`);
}

/** `eth0:vxlan.1` */
function trusted(text = ''): string[] {
  const names = [...new Set(text.split(':'))].filter((name) => name !== '');
  const wrong = names.find((name) => !isInterfaceName(name));
  if (wrong === undefined) return names;
  throw invalid(
    `failed to parse ${bridgeOption.trusted} value: ${JSON.stringify(wrong)} can't be the name of an interface`,
    'write names of interfaces of the host with colons between them, e.g. eth0:vxlan.1',
  );
}

function hostAddress(
  options: Readonly<Record<string, string>>,
  family: 'ipv4' | 'ipv6',
  key: string,
): { ipv4?: string; ipv6?: string } {
  const text = options[key];
  if (text === undefined || text === '') return {};
  if (family === 'ipv4' ? isIPv4(text) : isIPv6(text)) return { [family]: text };
  throw invalid(
    `failed to parse ${key} value: ${JSON.stringify(text)} is no address of ${family === 'ipv4' ? 'IPv4' : 'IPv6'}`,
  );
}

/** Despite its name, of either family. */
function hostBinding(text: string | undefined): string | undefined {
  if (text === undefined || text === '') return undefined;
  if (isIP(text) !== 0) return text;
  throw invalid(
    `failed to parse ${bridgeOption.hostBinding} value: ${JSON.stringify(text)} is no IP address`,
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

function invalid(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}
