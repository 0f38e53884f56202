/** The options of macvlan and ipvlan networks, read and checked in Docker's words. Pure. */
import { EngineError } from '../errors/engine-error.ts';
import { requireInterfaceName } from './firewall-types.ts';
import type { NetworkDescription } from './network-types.ts';

/** Containers get interfaces that are made on top of one of the host's: the parent. */
export type ParentDriver = 'macvlan' | 'ipvlan';

/** MACVLAN_MODE_* of <linux/if_link.h>. */
export const macvlanModes = { private: 1, vepa: 2, bridge: 4, passthru: 8 } as const;
/** IPVLAN_MODE_* of <linux/if_link.h>. */
export const ipvlanModes = { l2: 0, l3: 1, l3s: 2 } as const;
/** IPVLAN_F_* of <linux/if_link.h>; `bridge` is none of them. */
export const ipvlanFlags = { bridge: 0, private: 1, vepa: 2 } as const;

export type LinkMode =
  | { driver: 'macvlan'; mode: keyof typeof macvlanModes }
  | { driver: 'ipvlan'; mode: keyof typeof ipvlanModes; flag: keyof typeof ipvlanFlags };

export interface ParentOptions {
  link: LinkMode;
  /** Name of the host's interface. */
  parent: string;
  /** The user named no parent: it is an interface that leads nowhere, made for this network. */
  isOwnParent: boolean;
}

export function isParentDriver(driver: string): driver is ParentDriver {
  return driver === 'macvlan' || driver === 'ipvlan';
}

/** EngineError `invalid-argument` for a mode, flag or parent that can't be. Options of others are left alone. */
export function parseParentOptions({
  id,
  driver,
  options,
}: Pick<NetworkDescription, 'id' | 'driver' | 'options'>): ParentOptions {
  const link = driver === 'ipvlan' ? ipvlanMode(options) : macvlanMode(options);
  const asked = options['parent'] ?? '';
  if (asked === 'lo') throw invalid(`loopback interface is not a valid ${driver} parent link`);
  if (asked !== '') requireInterfaceName(asked);
  const own = `${driver === 'ipvlan' ? 'di' : 'dm'}-${id.slice(0, 12)}`;
  return { link, parent: asked === '' ? own : asked, isOwnParent: asked === '' };
}

function macvlanMode(options: Readonly<Record<string, string>>): LinkMode {
  const mode = options['macvlan_mode'] || 'bridge';
  if (isKey(macvlanModes, mode)) return { driver: 'macvlan', mode };
  throw invalid(
    `requested macvlan mode '${mode}' is not valid, 'bridge' mode is the macvlan driver default`,
    `choose one of ${Object.keys(macvlanModes).join(', ')}`,
  );
}

function ipvlanMode(options: Readonly<Record<string, string>>): LinkMode {
  const mode = options['ipvlan_mode'] || 'l2';
  const flag = options['ipvlan_flag'] || 'bridge';
  if (!isKey(ipvlanModes, mode))
    throw invalid(
      `requested ipvlan mode '${mode}' is not valid, 'l2' mode is the ipvlan driver default`,
      `choose one of ${Object.keys(ipvlanModes).join(', ')}`,
    );
  if (!isKey(ipvlanFlags, flag))
    throw invalid(
      `requested ipvlan flag '${flag}' is not valid, 'bridge' is the ipvlan driver default`,
      `choose one of ${Object.keys(ipvlanFlags).join(', ')}`,
    );
  return { driver: 'ipvlan', mode, flag };
}

function isKey<T extends object>(table: T, key: string): key is string & keyof T {
  return Object.hasOwn(table, key);
}

/** `eth0.50` is VLAN 50 on `eth0`. EngineError `invalid-argument` in Docker's words for any other form. */
export function parseVlanName(name: string): { lower: string; vlan: number } {
  if (!name.includes('.'))
    throw invalid(
      `invalid subinterface vlan name ${name}, example formatting is eth0.10`,
      `there is no interface ${name}: name one that "ip link" lists, or one with a VLAN behind a dot`,
    );
  const [lower = '', digits = '', ...rest] = name.split('.');
  if (lower === '' || rest.length > 0)
    throw invalid(
      `required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received ${name}`,
    );
  if (!/^\d{1,9}$/.test(digits))
    throw invalid(`unable to parse a valid vlan id from: ${digits} (ex. eth0.10 for vlan 10)`);
  const vlan = Number(digits);
  if (vlan < 1 || vlan > 4094) throw invalid(`vlan id must be between 1-4094, received: ${vlan}`);
  return { lower, vlan };
}

/** Passthru has the parent to itself. EngineError `forbidden` in Docker's words. `others` are the networks that there are. */
export function refuseSharedParent(wanted: NetworkDescription, others: readonly NetworkDescription[]): void {
  const { parent, link } = parseParentOptions(wanted);
  for (const other of others) {
    if (!isParentDriver(other.driver)) continue;
    const its = parseParentOptions(other);
    if (its.parent !== parent) continue;
    if (its.link.driver !== link.driver)
      throw new EngineError(
        'forbidden',
        `${its.link.driver} network ${other.id} is already using parent interface ${parent}`,
        { hint: 'an interface is the parent of macvlan or of ipvlan networks, not of both' },
      );
    if (link.mode === 'passthru')
      throw new EngineError(
        'forbidden',
        `cannot use mode passthru, macvlan network ${other.id} is already using parent interface ${parent}`,
      );
    if (its.link.mode === 'passthru')
      throw new EngineError(
        'forbidden',
        `macvlan network ${other.id} is already using parent interface ${parent} in mode passthru`,
      );
  }
}

function invalid(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}
