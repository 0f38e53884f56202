/** Steps 3 and 4 of a start, "network" and "address": which network namespace the container is in, and who it is there. */
import { readFile, writeFile } from 'node:fs/promises';
import { EngineError } from '../errors/engine-error.ts';
import { hostnameFile, hostsFile, hostsFileOfHost } from '../network/hosts-file.ts';
import type { Endpoint } from '../network/network-types.ts';
import { containerResolvConf, parseResolvConf, usesLocalStub } from '../network/resolv-conf.ts';
import { raiseLink } from '../network/rtnetlink.ts';
import type { NetworkNamespace } from '../runtime/runtime-types.ts';
import type { Undo } from '../util/undo.ts';
import type { Container } from './container-table.ts';
import type { Engine } from './engine.ts';
import { linkedHosts } from './links.ts';
import { type NetworkKind, networkKind } from './network-mode.ts';
import { type ContainerFiles, containerFiles } from './paths.ts';
import { portRequests } from './ports.ts';
import { disconnectNetwork, publishNetworkEvent } from './release.ts';
import { joinedContainer } from './spec/modes.ts';
import { networkSysctls } from './spec/sysctls.ts';

export interface ContainerNetwork {
  kind: NetworkKind;
  namespace: NetworkNamespace;
  /** On the bridge. */
  endpoint?: Endpoint;
  /** Its network is this one's too. */
  joined?: Container;
}

const loopback = 1;

/** Takes an address and ports on the bridge; the shim makes namespace and interface from what comes out. */
export async function connectNetwork(
  engine: Engine,
  container: Container,
  undo: Undo,
): Promise<[ContainerNetwork, detail: string]> {
  const { config, hostConfig } = container.record;
  const kind = config.networkDisabled ? 'none' : networkKind(engine, hostConfig.networkMode);
  const sysctls = networkSysctls(container.record, engine.host);
  switch (kind) {
    case 'host':
      return [{ kind, namespace: { kind: 'host' } }, "the host's own network"];
    case 'none':
      return [
        { kind, namespace: { kind: 'new', setup: { inside: [raiseLink(loopback)], outside: [], sysctls } } },
        'a network namespace with nothing but loopback',
      ];
    case 'container': {
      const joined = runningOwner(engine, joinedContainer(hostConfig.networkMode) ?? '');
      const path = `/proc/${joined.process?.shimPid ?? 0}/ns/net`;
      return [{ kind, namespace: { kind: 'path', path }, joined }, `the network of ${joined.name}`];
    }
    case 'bridge':
      return connectBridge(engine, container, undo);
  }
}

/** EngineError `conflict` in Docker's words where it doesn't run. */
function runningOwner(engine: Engine, ref: string): Container {
  const owner = engine.containers.resolve(ref);
  if (owner.process !== undefined) return owner;
  throw new EngineError('conflict', `cannot join network of a non running container: ${owner.id}`, {
    hint: `start it first: start ${owner.name}`,
  });
}

async function connectBridge(
  engine: Engine,
  container: Container,
  undo: Undo,
): Promise<[ContainerNetwork, detail: string]> {
  const { id, record } = container;
  const macAddress = Object.values(record.endpointConfigs).find((one) => one.macAddress)?.macAddress;
  undo.add(() => disconnectNetwork(engine, container));
  const { endpoint, setup } = await engine.bridge.connect({
    containerId: id,
    ...(macAddress === undefined ? {} : { macAddress }),
    ports: portRequests(record.config.exposedPorts, record.hostConfig, engine.config.defaultAddress),
    sysctls: networkSysctls(record, engine.host),
  });
  publishNetworkEvent(engine, container, 'connect');
  const published = endpoint.ports.map(
    ({ hostIp, hostPort, containerPort, protocol }) => `${hostIp}:${hostPort}->${containerPort}/${protocol}`,
  );
  const ports = published.length === 0 ? '' : `, ${published.join(', ')}`;
  const detail = `interface eth0 on ${engine.bridge.description.options['com.docker.network.bridge.name'] ?? engine.config.bridge}${ports}`;
  return [{ kind: 'bridge', namespace: { kind: 'new', setup }, endpoint }, detail];
}

/** Files bound at /etc/hosts, /etc/hostname and /etc/resolv.conf; those of the other container where its network is shared. */
export async function writeNetworkFiles(
  engine: Engine,
  container: Container,
  network: ContainerNetwork,
): Promise<ContainerFiles> {
  if (network.joined !== undefined) return containerFiles(engine.config, network.joined.id);
  const files = containerFiles(engine.config, container.id);
  const { hostname } = container.record.config;
  const [hosts, resolvConf] = await Promise.all([
    hostsContent(engine, container, network),
    resolvConfContent(engine, container, network),
  ]);
  await Promise.all([
    writeFile(files.hosts, hosts),
    writeFile(files.hostname, hostnameFile(hostname)),
    writeFile(files.resolvConf, resolvConf),
  ]);
  return files;
}

async function hostsContent(
  engine: Engine,
  container: Container,
  { kind, endpoint }: ContainerNetwork,
): Promise<string> {
  const { config, hostConfig } = container.record;
  const extraHosts = [...hostConfig.extraHosts, ...linkedHosts(engine, container.record)];
  const { gateway, gateway6 } = engine.bridge.description.ipam ?? {};
  const hostGateways = [gateway, gateway6].filter((one) => one !== undefined);
  if (kind === 'host') return hostsFileOfHost(await readOr('/etc/hosts', ''), extraHosts, hostGateways);
  const { hostname, domainname } = config;
  const addresses = [endpoint?.ipAddress, endpoint?.ipv6Address].filter((one) => one !== undefined);
  return hostsFile({ hostname, domainname, addresses, extraHosts, hostGateways });
}

async function resolvConfContent(
  engine: Engine,
  container: Container,
  { kind, endpoint }: ContainerNetwork,
): Promise<string> {
  const { config } = engine;
  const { dns, dnsSearch, dnsOptions } = container.record.hostConfig;
  const own = parseResolvConf(await readOr('/etc/resolv.conf', ''));
  const stub = kind === 'bridge' && usesLocalStub(own);
  const host = stub ? parseResolvConf(await readOr('/run/systemd/resolve/resolv.conf', '')) : own;
  return containerResolvConf({
    host,
    overrides: {
      nameservers: dns.length > 0 ? dns : config.dns,
      search: dnsSearch.length > 0 ? dnsSearch : config.dnsSearch,
      options: dnsOptions.length > 0 ? dnsOptions : config.dnsOptions,
    },
    ipv6: endpoint?.ipv6Address !== undefined,
    keepLoopback: kind === 'host',
  });
}

function readOr(path: string, fallback: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => fallback);
}

/** Writes the hosts file of a container that runs anew, in its place: it is bound in the container. For the containers that link to one that has started. */
export async function refreshHosts(engine: Engine, container: Container): Promise<void> {
  const endpoint = engine.bridge.endpoint(container.id);
  if (endpoint === undefined) return;
  const network: ContainerNetwork = { kind: 'bridge', namespace: { kind: 'host' }, endpoint };
  await writeFile(
    containerFiles(engine.config, container.id).hosts,
    await hostsContent(engine, container, network),
  );
}
