/** `--sysctl`: kernel parameters of a container's own namespaces, and none other. */
import { EngineError } from '../../errors/engine-error.ts';
import type { ContainerConfig, HostConfig } from '../model.ts';
import { isPrivate } from './modes.ts';
import type { SpecInput } from './spec-input.ts';

const ipcParameters = new Set(
  'kernel.msgmax kernel.msgmnb kernel.msgmni kernel.sem kernel.shmall kernel.shmmax kernel.shmmni kernel.shm_rmid_forced'.split(
    ' ',
  ),
);

/** `net/ipv4/conf/eth0.100/forwarding` is another spelling, for names with dots in them. */
function dotted(name: string): string {
  const slash = name.indexOf('/');
  const dot = name.indexOf('.');
  if (slash < 0 || (dot >= 0 && dot < slash)) return name;
  return name.replace(/[./]/g, (character) => (character === '/' ? '.' : '/'));
}

/** EngineError `invalid-argument`, in the words of the OCI runtimes, for a parameter that is not the container's own. */
export function checkSysctls(config: ContainerConfig, hostConfig: HostConfig): void {
  for (const name of Object.keys(hostConfig.sysctls)) {
    const reason = refusal(dotted(name), config, hostConfig);
    if (reason !== undefined)
      throw new EngineError('invalid-argument', `sysctl "${name}" ${reason}`, {
        hint: 'Only parameters of a namespace that the container has of its own can be set: net.*, fs.mqueue.*, and the System V IPC ones.',
      });
  }
}

function refusal(name: string, config: ContainerConfig, hostConfig: HostConfig): string | undefined {
  if (ipcParameters.has(name) || name.startsWith('fs.mqueue.'))
    return hostConfig.ipcMode === 'host' ? 'is not allowed in the hosts ipc namespace' : undefined;
  if (name.startsWith('net.'))
    return hostConfig.networkMode === 'host' && !config.networkDisabled
      ? 'not allowed in host network namespace'
      : undefined;
  if (isPrivate(hostConfig.utsMode) && name === 'kernel.domainname') return undefined;
  if (isPrivate(hostConfig.utsMode) && name === 'kernel.hostname')
    return 'is not allowed as it conflicts with the OCI "hostname" field';
  return 'is not in a separate kernel namespace';
}

/** Docker's own settings for a new network namespace, then what the user asked for. */
export function buildSysctls(input: SpecInput): Record<string, string> {
  const { config, hostConfig } = input.container;
  const sysctls: Record<string, string> = {};
  if (input.networkNamespacePath !== undefined && isPrivate(hostConfig.networkMode)) {
    // Ping without CAP_NET_RAW, and ports below 1024 without CAP_NET_BIND_SERVICE: containers have both anyway.
    if (input.host.sysctls.has('net.ipv4.ping_group_range'))
      sysctls['net.ipv4.ping_group_range'] = '0 2147483647';
    if (input.host.sysctls.has('net.ipv4.ip_unprivileged_port_start'))
      sysctls['net.ipv4.ip_unprivileged_port_start'] = '0';
  }
  if (config.domainname !== '' && isPrivate(hostConfig.utsMode))
    sysctls['kernel.domainname'] = config.domainname;
  return { ...sysctls, ...hostConfig.sysctls };
}
