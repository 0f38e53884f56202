/** The files that tell a container of its networks: /etc/hosts and /etc/resolv.conf, at its start and as networks come and go. */
import { readFile, writeFile } from 'node:fs/promises';
import { presentAddresses } from '../network/endpoint-addresses.ts';
import { hostsFile, hostsFileOfHost } from '../network/hosts-file.ts';
import { insideAddress } from '../network/names/inside-names.ts';
import type { Endpoint } from '../network/network-types.ts';
import { containerResolvConf, parseResolvConf, usesLocalStub } from '../network/resolv-conf.ts';
import type { Container } from './container-table.ts';
import { isGuarded } from './egress.ts';
import type { Engine } from './engine.ts';
import { linkedHosts } from './links.ts';
import type { NetworkKind } from './network-mode.ts';
import { askedServers, isLoopback } from './networks-naming.ts';
import { containerFiles } from './paths.ts';

/** Resolvers read no more than three. */
const mostServers = 3;

export async function hostsContent(
  engine: Engine,
  { record }: Pick<Container, 'record'>,
  kind: NetworkKind,
  endpoints: readonly Endpoint[],
): Promise<string> {
  const { config, hostConfig } = record;
  const extraHosts = [...hostConfig.extraHosts, ...linkedHosts(engine, record)];
  const { gateways: hostGateways } = engine.bridge;
  if (kind === 'host') return hostsFileOfHost(await readOr('/etc/hosts', ''), extraHosts, hostGateways);
  const { hostname, domainname } = config;
  const addresses = endpoints.flatMap(presentAddresses);
  return hostsFile({ hostname, domainname, addresses, extraHosts, hostGateways });
}

/** On a user-defined network, and with egress rules on any, the container asks the name services of its networks, which ask the others in its stead. */
export async function resolvConfContent(
  engine: Engine,
  { record }: Pick<Container, 'record'>,
  kind: NetworkKind,
  endpoints: readonly Endpoint[],
): Promise<string> {
  const { config } = engine;
  const { dnsSearch, dnsOptions } = record.hostConfig;
  const nameServices = endpoints
    .filter(({ networkId }) => isGuarded(record) || isAskedAtGateway(engine, networkId))
    .flatMap(({ networkId }) => engine.networks.get(networkId)?.gateways[0] ?? [])
    .slice(0, mostServers);
  if (nameServices.length === 0 && endpoints.some(({ networkId }) => isAskedInside(engine, networkId)))
    nameServices.push(insideAddress);
  const asked = askedServers(engine, record);
  const own = parseResolvConf(await readOr('/etc/resolv.conf', ''));
  const stub = kind === 'bridge' && usesLocalStub(own);
  const host = stub ? parseResolvConf(await readOr('/run/systemd/resolve/resolv.conf', '')) : own;
  return containerResolvConf({
    host,
    overrides: {
      nameservers: asked,
      search: dnsSearch.length > 0 ? dnsSearch : config.dnsSearch,
      options: dnsOptions.length > 0 ? dnsOptions : config.dnsOptions,
    },
    ipv6: endpoints.some(({ ipv6Address }) => ipv6Address !== undefined),
    keepLoopback: kind === 'host',
    nameServices: asked.length > 0 && asked.every(isLoopback) ? [] : nameServices,
  });
}

function isAskedAtGateway(engine: Engine, networkId: string): boolean {
  const network = engine.networks.get(networkId);
  return network?.servesNames === true && !network.namesInside;
}

function isAskedInside(engine: Engine, networkId: string): boolean {
  return engine.networks.get(networkId)?.namesInside === true;
}

/**
 * After a container that runs got or lost a network. The files are written in place, since they are bound into it; one that somebody else has
 * written is left as it is, but for the addresses in /etc/hosts.
 */
export async function refreshNetworkFiles(
  engine: Engine,
  container: Container,
  before: readonly Endpoint[],
): Promise<void> {
  const after = engine.networks.endpointsOf(container.id);
  const { hosts, resolvConf } = containerFiles(engine.config, container.id);
  const [hostsNow, resolvNow, oldResolv, newResolv] = await Promise.all([
    readOr(hosts, ''),
    readOr(resolvConf, ''),
    resolvConfContent(engine, container, 'bridge', before),
    resolvConfContent(engine, container, 'bridge', after),
  ]);
  await Promise.all([
    writeFile(hosts, hostsAfter(hostsNow, container, before, after)),
    ...(resolvNow === oldResolv && oldResolv !== newResolv ? [writeFile(resolvConf, newResolv)] : []),
  ]);
}

function hostsAfter(
  text: string,
  { record }: Container,
  before: readonly Endpoint[],
  after: readonly Endpoint[],
): string {
  const [old, now] = [before.flatMap(presentAddresses), after.flatMap(presentAddresses)];
  const gone = old.filter((address) => !now.includes(address));
  const { hostname, domainname } = record.config;
  const names = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`;
  const kept = text.split('\n').filter((line) => !gone.some((address) => line.startsWith(`${address}\t`)));
  const added = now.filter((address) => !old.includes(address)).map((address) => `${address}\t${names}\n`);
  return `${kept.join('\n')}${added.join('')}`;
}

function readOr(path: string, fallback: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => fallback);
}
