/** `gantry network create`. */
import { EngineError } from '../../../errors/engine-error.ts';
import type { NetworkCreateRequest, NetworkCreateResponse } from '../../../wire/network.ts';
import { defineCommand } from '../../command.ts';
import { list, optionalToggle, text, toggle } from '../../flags/kinds.ts';
import { ipamPools } from '../../network-pools.ts';
import { toRecord } from '../../run-config/csv.ts';
import { checkLabel } from '../../run-config/flag-checks.ts';

export const create = defineCommand({
  usage: '[OPTIONS] NETWORK',
  description: 'Containers on it find each other by name, and are kept apart from those on other networks.',
  examples: [
    ['network create backend', 'Then: gantry run --network backend --name db …'],
    ['network create --subnet 10.9.0.0/24 --internal vault', 'no way out, and none in'],
  ],
  arguments: [1, 1],
  flags: {
    attachable: toggle('Enable manual container attachment'),
    'aux-address': list('Auxiliary IPv4 or IPv6 addresses used by Network driver', { type: 'map' }),
    'config-from': text('The network from which to copy the configuration'),
    'config-only': toggle('Create a configuration only network'),
    driver: text('Driver to manage the Network', { short: 'd', initial: 'bridge' }),
    gateway: list('IPv4 or IPv6 Gateway for the master subnet', { type: 'strings' }),
    ingress: toggle('Create swarm routing-mesh network'),
    internal: toggle('Restrict external access to the network'),
    'ip-range': list('Allocate container ip from a sub-range', { type: 'strings' }),
    'ipam-driver': text('IP Address Management Driver', { initial: 'default' }),
    'ipam-opt': list('Set IPAM driver specific options', { type: 'map' }),
    ipv4: optionalToggle('Enable or disable IPv4 address assignment', { shownDefault: 'true' }),
    ipv6: optionalToggle('Enable or disable IPv6 address assignment'),
    label: list('Set metadata on a network', { check: checkLabel }),
    opt: list('Set driver specific options', { short: 'o', type: 'map' }),
    scope: text("Control the network's scope"),
    subnet: list('Subnet in CIDR format that represents a network segment', { type: 'strings' }),
  },
  run: async ({ client, io }, { flags, positional: [name = ''] }) => {
    if (name.trim() === '') throw new EngineError('invalid-argument', 'invalid network name: name is empty');
    const json: NetworkCreateRequest = {
      Name: name,
      Driver: flags.driver,
      Scope: flags.scope,
      Internal: flags.internal,
      Attachable: flags.attachable,
      Ingress: flags.ingress,
      ConfigOnly: flags['config-only'],
      ...(flags['config-from'] === '' ? {} : { ConfigFrom: { Network: flags['config-from'] } }),
      ...(flags.ipv4 === undefined ? {} : { EnableIPv4: flags.ipv4 }),
      ...(flags.ipv6 === undefined ? {} : { EnableIPv6: flags.ipv6 }),
      IPAM: {
        Driver: flags['ipam-driver'],
        Options: toRecord(flags['ipam-opt']),
        Config: ipamPools({
          subnets: split(flags.subnet),
          ranges: split(flags['ip-range']),
          gateways: split(flags.gateway),
          auxiliary: toRecord(flags['aux-address']),
        }),
      },
      Options: toRecord(flags.opt),
      Labels: toRecord(flags.label),
    };
    const { Id, Warning } = await client.call<NetworkCreateResponse>('POST', '/networks/create', { json });
    if (Warning !== '') io.stderr.write(`WARNING: ${Warning}\n`);
    io.stdout.write(`${Id}\n`);
    return 0;
  },
});

/** A flag may be given several times, and may have several values with commas between. */
function split(values: readonly string[]): string[] {
  return values.flatMap((value) => value.split(','));
}
