/** From a container's record and the host's facts to the OCI configuration that the runtime is given. Pure. */
import type { RuntimeSpec, SpecLinux, SpecProcess } from '../../oci/runtime-spec.ts';
import { grantedCapabilities } from './capabilities.ts';
import { appArmorProfile, capabilitySets, oomScore } from './confinement.ts';
import { buildDevices } from './devices.ts';
import { buildEnvironment } from './environment.ts';
import { isPrivate, usesInit } from './modes.ts';
import { buildMounts, initPathInContainer, rootPropagation, systemPaths } from './mounts.ts';
import { buildNamespaces } from './namespaces.ts';
import { buildResources } from './resources.ts';
import { buildSeccomp } from './seccomp.ts';
import { parseSecurityOptions, type SecurityOptions } from './security-options.ts';
import type { SpecInput } from './spec-input.ts';
import { buildSysctls } from './sysctls.ts';
import { buildRlimits, mergeUlimits } from './ulimits.ts';

/**
 * The configuration of one container. Asks the runtime for nothing that this host can't do: `validateHostConfig` warned of
 * that when the container was made. Write it to the bundle with `encodeRuntimeSpec`: limits can be infinite.
 * EngineError where a namespace to join, a device or an init program is missing.
 */
export function buildSpec(input: SpecInput): RuntimeSpec {
  const { hostConfig } = input.container;
  const security = parseSecurityOptions(hostConfig.securityOpt);
  const capabilities = grantedCapabilities(hostConfig, input.host.security);
  const ownUts = isPrivate(hostConfig.utsMode);
  return {
    ociVersion: '1.0.2',
    process: buildProcess(input, security, capabilities),
    root: { path: input.rootPath, readonly: hostConfig.readonlyRootfs },
    ...(ownUts && input.hostname !== '' ? { hostname: input.hostname } : {}),
    mounts: buildMounts(input, security),
    linux: buildLinux(input, security, capabilities),
    ...(Object.keys(hostConfig.annotations).length === 0
      ? {}
      : { annotations: { ...hostConfig.annotations } }),
  };
}

function buildProcess(input: SpecInput, security: SecurityOptions, capabilities: string[]): SpecProcess {
  const { config, hostConfig, path, args } = input.container;
  const init = usesInit(hostConfig, input.defaults.init) ? [initPathInContainer, '--'] : [];
  const rlimits = buildRlimits(mergeUlimits(hostConfig.ulimits, input.defaults.ulimits), input.host);
  const profile = appArmorProfile(hostConfig, security, input.host);
  const score = oomScore(hostConfig, input.host);
  return {
    terminal: config.tty,
    ...(config.tty ? terminalSize(hostConfig.consoleSize) : {}),
    user: { uid: input.user.uid, gid: input.user.gid, additionalGids: [...input.user.additionalGids] },
    args: [...init, path, ...args],
    env: buildEnvironment({
      hostname: input.hostname,
      terminal: config.tty,
      linkEnv: input.linkEnv ?? [],
      env: config.env,
      home: input.user.home,
    }),
    cwd: config.workingDir || '/',
    capabilities: capabilitySets(capabilities),
    ...(rlimits.length === 0 ? {} : { rlimits }),
    noNewPrivileges: security.noNewPrivileges ?? input.defaults.noNewPrivileges,
    ...(profile === undefined ? {} : { apparmorProfile: profile }),
    ...(score === undefined ? {} : { oomScoreAdj: score }),
  };
}

/** Set before the process runs, so that it never sees a terminal without a size. */
export function terminalSize([height, width]: readonly [height: number, width: number]): Pick<
  SpecProcess,
  'consoleSize'
> {
  return height > 0 && width > 0 ? { consoleSize: { height, width } } : {};
}

function buildLinux(input: SpecInput, security: SecurityOptions, capabilities: string[]): SpecLinux {
  const { hostConfig } = input.container;
  const { masked, readonly } = systemPaths(input, security);
  const propagation = rootPropagation(input);
  const seccomp = buildSeccomp(
    {
      option: security.seccomp,
      daemonProfile: input.defaults.seccompProfile,
      privileged: hostConfig.privileged,
      capabilities,
    },
    input.host,
  );
  return {
    namespaces: buildNamespaces(input),
    devices: buildDevices(input.devices),
    cgroupsPath: input.cgroupsPath,
    resources: buildResources(input),
    sysctl: buildSysctls(input),
    maskedPaths: masked,
    readonlyPaths: readonly,
    ...(seccomp === undefined ? {} : { seccomp }),
    ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
  };
}
