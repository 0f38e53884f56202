/** `--sysctl`: kernel parameters of a container's own namespaces, and none other. */
import { EngineError } from '../../errors/engine-error.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { ContainerConfig, ContainerRecord, HostConfig } from '../model.ts';
import { isPrivate } from './modes.ts';
import type { SpecInput } from './spec-input.ts';

const ipcParameters = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel/${name}`,
  ),
);

/**
 * The path below /proc/sys of a parameter. Whichever of `.` and `/` comes first separates; the other one stands for
 * itself within a name, swapped (sysctl.d(5)): `net.ipv4.conf.eth0/100.forwarding` is `net/ipv4/conf/eth0.100/forwarding`.
 */
function pathOf(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== '.') return name;
  return name.replace(/[./]/g, (character) => (character === '.' ? '/' : '.'));
}

/** EngineError `invalid-argument`, in the words of the OCI runtimes, for a parameter that is not the container's own. */
export function checkSysctls(config: ContainerConfig, hostConfig: HostConfig): void {
  for (const name of Object.keys(hostConfig.sysctls)) {
    const reason = refusal(pathOf(name), config, hostConfig);
    if (reason !== undefined)
      throw new EngineError('invalid-argument', `sysctl "${name}" ${reason}`, {
        hint: 'Only parameters of a namespace that the container has of its own can be set: net.*, fs.mqueue.*, and the System V IPC ones.',
      });
  }
}

function refusal(path: string, config: ContainerConfig, hostConfig: HostConfig): string | undefined {
  if (path.split('/').some((part) => part === '' || part === '.' || part === '..'))
    return 'is not a kernel parameter';
  if (ipcParameters.has(path) || path.startsWith('fs/mqueue/'))
    return hostConfig.ipcMode === 'host' ? 'is not allowed in the hosts ipc namespace' : undefined;
  if (path.startsWith('net/'))
    return hostConfig.networkMode === 'host' && !config.networkDisabled
      ? 'not allowed in host network namespace'
      : undefined;
  if (isPrivate(hostConfig.utsMode) && path === 'kernel/domainname') return undefined;
  if (isPrivate(hostConfig.utsMode) && path === 'kernel/hostname')
    return 'is not allowed as it conflicts with the OCI "hostname" field';
  return 'is not in a separate kernel namespace';
}

/**
 * Parameters of the container's network namespace: Docker's own settings for a new one, then the user's. By path below
 * /proc/sys/net (`ipv4/ping_group_range`), as `NetworkSetup.sysctls` wants them; empty for the host's network.
 */
export function networkSysctls(container: ContainerRecord, host: HostFacts): Record<string, string> {
  return Object.fromEntries(
    Object.entries(netParameters(container, host)).map(([name, value]) => [
      pathOf(name).slice('net/'.length),
      value,
    ]),
  );
}

function netParameters(container: ContainerRecord, host: HostFacts): Record<string, string> {
  const { networkMode, sysctls } = container.hostConfig;
  if (networkMode === 'host') return {};
  const asked = Object.entries(sysctls).filter(([name]) => pathOf(name).startsWith('net/'));
  return { ...(isPrivate(networkMode) ? ownNetworkDefaults(host) : {}), ...Object.fromEntries(asked) };
}

/** Ping without CAP_NET_RAW, and ports below 1024 without CAP_NET_BIND_SERVICE: containers have both anyway. */
function ownNetworkDefaults(host: HostFacts): Record<string, string> {
  const values = { 'net.ipv4.ping_group_range': '0 2147483647', 'net.ipv4.ip_unprivileged_port_start': '0' };
  return Object.fromEntries(Object.entries(values).filter(([name]) => host.sysctls.has(name)));
}

/** What the runtime shall set: all, or all but the network's where the shim sets those. */
export function buildSysctls(input: SpecInput): Record<string, string> {
  const { config, hostConfig } = input.container;
  const domain = config.domainname !== '' && isPrivate(hostConfig.utsMode);
  const asked = Object.entries(hostConfig.sysctls).filter(([name]) => !pathOf(name).startsWith('net/'));
  const byRuntime = input.networkNamespacePath !== undefined && !input.networkSysctlsDone;
  return {
    ...(byRuntime ? netParameters(input.container, input.host) : {}),
    ...(domain ? { 'kernel.domainname': config.domainname } : {}),
    ...Object.fromEntries(asked),
  };
}
