/** Lists and inspections of containers as Docker shows them to clients of each version. */
import type {
  ContainerDetails,
  ContainerSummary,
  EndpointView,
  NetworkSettingsView,
  PortSummary,
  StateView,
} from '../engine/container-views.ts';
import type { ContainerHealth, MountPoint } from '../engine/model.ts';
import { compareApiVersions } from '../wire/api-version.ts';
import type {
  ContainerInspect,
  ContainerState,
  Health,
  MountPoint as WireMountPoint,
  PortSummary as WirePortSummary,
  ContainerSummary as WireSummary,
} from '../wire/container.ts';
import type { EndpointSettings, NetworkSettings } from '../wire/endpoint.ts';
import { encodeContainerConfig } from './container-config.ts';
import { encodeHostConfig } from './host-config-encode.ts';
import { rfc3339, seconds } from './timestamps.ts';

export function encodeSummary(summary: ContainerSummary): WireSummary {
  return {
    Id: summary.id,
    Names: summary.names,
    Image: summary.image,
    ImageID: summary.imageId,
    Command: summary.command,
    Created: seconds(summary.createdAt),
    Ports: summary.ports.map(encodePort),
    ...sizes(summary),
    Labels: summary.labels,
    State: summary.state,
    Status: summary.status,
    HostConfig: {
      NetworkMode: summary.networkMode,
      ...(Object.keys(summary.annotations).length === 0 ? {} : { Annotations: summary.annotations }),
    },
    NetworkSettings: { Networks: encodeEndpoints(summary.networks) },
    Mounts: summary.mounts.map(encodeMountPoint),
  };
}

function encodePort(port: PortSummary): WirePortSummary {
  return {
    ...(port.ip === undefined ? {} : { IP: port.ip }),
    PrivatePort: port.privatePort,
    ...(port.publicPort === undefined ? {} : { PublicPort: port.publicPort }),
    Type: port.type,
  };
}

function sizes(view: { sizeRw?: number; sizeRootFs?: number }): { SizeRw?: number; SizeRootFs?: number } {
  return {
    ...(view.sizeRw === undefined ? {} : { SizeRw: view.sizeRw }),
    ...(view.sizeRootFs === undefined ? {} : { SizeRootFs: view.sizeRootFs }),
  };
}

function encodeMountPoint(mount: MountPoint): WireMountPoint {
  return {
    Type: mount.type,
    ...(mount.name === undefined ? {} : { Name: mount.name }),
    Source: mount.source,
    Destination: mount.destination,
    ...(mount.driver === undefined ? {} : { Driver: mount.driver }),
    Mode: mount.mode,
    RW: mount.readWrite,
    Propagation: mount.propagation,
  };
}

function encodeEndpoints(networks: Record<string, EndpointView>): Record<string, EndpointSettings> {
  return Object.fromEntries(Object.entries(networks).map(([name, view]) => [name, encodeEndpoint(view)]));
}

function encodeEndpoint(view: EndpointView): EndpointSettings {
  const { requested } = view;
  return {
    IPAMConfig:
      requested === undefined
        ? null
        : {
            ...(requested.ipv4Address === undefined ? {} : { IPv4Address: requested.ipv4Address }),
            ...(requested.ipv6Address === undefined ? {} : { IPv6Address: requested.ipv6Address }),
            ...(requested.linkLocalIps === undefined ? {} : { LinkLocalIPs: requested.linkLocalIps }),
          },
    Links: view.links.length === 0 ? null : view.links,
    Aliases: view.aliases.length === 0 ? null : view.aliases,
    MacAddress: view.macAddress,
    DriverOpts: Object.keys(view.driverOpts).length === 0 ? null : view.driverOpts,
    GwPriority: view.gatewayPriority,
    NetworkID: view.networkId,
    EndpointID: view.endpointId,
    Gateway: view.gateway,
    IPAddress: view.ipAddress,
    IPPrefixLen: view.prefixLength,
    IPv6Gateway: view.ipv6Gateway,
    GlobalIPv6Address: view.ipv6Address,
    GlobalIPv6PrefixLen: view.ipv6PrefixLength,
    DNSNames: view.dnsNames.length === 0 ? null : view.dnsNames,
  };
}

export function encodeDetails(details: ContainerDetails, version: string): ContainerInspect {
  const networkSettings = withOldAliases(encodeNetworkSettings(details.networkSettings), details, version);
  const config = encodeContainerConfig(details.config);
  /* Before 1.44 a container had one hardware address, and said so in its configuration. */
  const isOld = compareApiVersions(version, '1.44') < 0;
  return {
    Id: details.id,
    Created: rfc3339(details.createdAt),
    Path: details.path,
    Args: details.args,
    State: encodeState(details.state),
    Image: details.imageId,
    ResolvConfPath: details.resolvConfPath,
    HostnamePath: details.hostnamePath,
    HostsPath: details.hostsPath,
    LogPath: details.logPath,
    Name: details.name,
    RestartCount: details.restartCount,
    Driver: details.driver,
    Platform: details.platform,
    MountLabel: details.mountLabel,
    ProcessLabel: details.processLabel,
    AppArmorProfile: details.appArmorProfile,
    ExecIDs: details.execIds,
    HostConfig: encodeHostConfig(details.hostConfig),
    GraphDriver: { Data: details.graphDriver.data, Name: details.graphDriver.name },
    ...sizes(details),
    Mounts: details.mounts.map(encodeMountPoint),
    Config:
      isOld && networkSettings.MacAddress !== ''
        ? { ...config, MacAddress: networkSettings.MacAddress }
        : config,
    NetworkSettings: networkSettings,
  };
}

/** Before 1.45 the names that users' networks know a container by were shown among the aliases that it was given. */
function withOldAliases(
  settings: NetworkSettings,
  { id, config }: ContainerDetails,
  version: string,
): NetworkSettings {
  if (compareApiVersions(version, '1.45') >= 0) return settings;
  const networks = Object.entries(settings.Networks).map(([name, endpoint]) => {
    const aliases = [...new Set([...(endpoint.Aliases ?? []), id.slice(0, 12), config.hostname])];
    return [name, builtIn.has(name) ? endpoint : { ...endpoint, Aliases: aliases }];
  });
  return { ...settings, Networks: Object.fromEntries(networks) };
}

/** Networks that are no user's own. */
const builtIn = new Set(['bridge', 'host', 'none', 'default']);

function encodeState(state: StateView): ContainerState {
  return {
    Status: state.status,
    Running: state.running,
    Paused: state.paused,
    Restarting: state.restarting,
    OOMKilled: state.oomKilled,
    Dead: state.dead,
    Pid: state.pid,
    ExitCode: state.exitCode,
    Error: state.error,
    StartedAt: rfc3339(state.startedAt),
    FinishedAt: rfc3339(state.finishedAt),
    ...(state.health === undefined ? {} : { Health: encodeHealth(state.health) }),
  };
}

function encodeHealth(health: ContainerHealth): Health {
  return {
    Status: health.status,
    FailingStreak: health.failingStreak,
    Log: health.log.map((one) => ({
      Start: rfc3339(one.start),
      End: rfc3339(one.end),
      ExitCode: one.exitCode,
      Output: one.output,
    })),
  };
}

/** The addresses on the default bridge are repeated at the top, as they have been since there was one network only. */
function encodeNetworkSettings(view: NetworkSettingsView): NetworkSettings {
  const networks = encodeEndpoints(view.networks);
  const bridge = networks['bridge'];
  return {
    Bridge: '',
    SandboxID: view.sandboxId,
    SandboxKey: view.sandboxKey,
    Ports: encodePortMap(view.ports),
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? '',
    Gateway: bridge?.Gateway ?? '',
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? '',
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? '',
    MacAddress: bridge?.MacAddress ?? '',
    Networks: networks,
  };
}

function encodePortMap(ports: NetworkSettingsView['ports']): NetworkSettings['Ports'] {
  const entries = Object.entries(ports).map(([port, bindings]) => [
    port,
    bindings?.map((one) => ({ HostIp: one.hostIp, HostPort: one.hostPort })) ?? null,
  ]);
  return Object.fromEntries(entries);
}
