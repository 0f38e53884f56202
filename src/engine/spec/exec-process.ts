/** The OCI process of an exec: what the container's own process has, changed by what the exec asks for. Pure. */
import type { HostFacts } from '../../host/facts.ts';
import type { SpecProcess } from '../../oci/runtime-spec.ts';
import type { ContainerRecord, ExecConfig } from '../model.ts';
import { terminalSize } from './build-spec.ts';
import { grantedCapabilities } from './capabilities.ts';
import { appArmorProfile, capabilitySets, oomScore } from './confinement.ts';
import { buildEnvironment } from './environment.ts';
import { parseSecurityOptions } from './security-options.ts';
import type { SpecDefaults } from './spec-input.ts';
import { buildRlimits, mergeUlimits } from './ulimits.ts';
import type { ResolvedUser } from './user.ts';

export interface ExecInput {
  container: ContainerRecord;
  exec: ExecConfig;
  host: HostFacts;
  defaults: SpecDefaults;
  /** Of the exec's user, or the container's where it names none. */
  user: ResolvedUser;
  hostname: string;
  linkEnv?: readonly string[];
}

/** Written with `encodeRuntimeSpec`, like the container's own configuration. Seccomp and cgroup are those of the container. */
export function buildExecProcess(input: ExecInput): SpecProcess {
  const { container, exec, host } = input;
  const { config, hostConfig } = container;
  const security = parseSecurityOptions(hostConfig.securityOpt);
  const privileged = hostConfig.privileged || exec.privileged;
  const capabilities = grantedCapabilities({ ...hostConfig, privileged }, host.security);
  const rlimits = buildRlimits(mergeUlimits(hostConfig.ulimits, input.defaults.ulimits), host);
  const profile = appArmorProfile({ ...hostConfig, privileged }, security, host);
  const score = oomScore(hostConfig, host);
  return {
    terminal: exec.tty,
    ...(exec.tty ? terminalSize(exec.consoleSize ?? [0, 0]) : {}),
    user: { uid: input.user.uid, gid: input.user.gid, additionalGids: [...input.user.additionalGids] },
    args: [...exec.cmd],
    env: buildEnvironment({
      hostname: input.hostname,
      terminal: exec.tty,
      linkEnv: input.linkEnv ?? [],
      env: [...config.env, ...exec.env],
      home: input.user.home,
    }),
    cwd: exec.workingDir || config.workingDir || '/',
    capabilities: capabilitySets(capabilities),
    ...(rlimits.length === 0 ? {} : { rlimits }),
    noNewPrivileges: security.noNewPrivileges ?? input.defaults.noNewPrivileges,
    ...(profile === undefined ? {} : { apparmorProfile: profile }),
    ...(score === undefined ? {} : { oomScoreAdj: score }),
  };
}
