/** What a container's host configuration says when it is made: Docker's defaults filled in, then checked against sense and this host. */
import { EngineError } from '../../errors/engine-error.ts';
import type { CgroupDriver } from '../../host/cgroups.ts';
import type { HostFacts } from '../../host/facts.ts';
import type { ContainerConfig, HostConfig } from '../model.ts';
import { normalizeCapabilities, withheldCapabilities } from './capabilities.ts';
import { canHaveOomScore } from './confinement.ts';
import { parseDeviceRule } from './devices.ts';
import { joinedContainer } from './modes.ts';
import { swapLimit } from './resources.ts';
import { parseSeccompProfile } from './seccomp-profile.ts';
import { parseSecurityOptions } from './security-options.ts';
import { checkSysctls } from './sysctls.ts';
import { checkTmpfs } from './tmpfs-options.ts';
import { checkUlimits, mergeUlimits, ulimitWarnings } from './ulimits.ts';
import { validateResources } from './validate-resources.ts';

/** Fills in what Docker fills in when a container is made, so that `inspect` shows it. Returns a new object. */
export function completeHostConfig(
  hostConfig: HostConfig,
  host: HostFacts,
  defaults: { shmSize: number },
): HostConfig {
  const hostByDefault = host.cgroups.mode !== 'v2';
  return {
    ...hostConfig,
    memorySwap: swapLimit(hostConfig),
    shmSize: hostConfig.shmSize || defaults.shmSize,
    ipcMode: hostConfig.ipcMode || 'private',
    cgroupnsMode: hostConfig.cgroupnsMode || (hostByDefault ? 'host' : 'private'),
    networkMode: hostConfig.networkMode || 'default',
    oomKillDisable: hostConfig.oomKillDisable ?? false,
  };
}

/**
 * Checks all that concerns isolation and limits. Throws EngineError `invalid-argument` in Docker's words; returns warnings for
 * what this host can't do and `buildSpec` will leave out.
 */
export function validateHostConfig(
  config: ContainerConfig,
  hostConfig: HostConfig,
  host: HostFacts,
  options: { cgroupDriver?: CgroupDriver } = {},
): string[] {
  const warnings = validateResources(hostConfig, host);
  checkModes(hostConfig);
  checkNetworkMode(config, hostConfig);
  checkRanges(hostConfig);
  checkSecurity(hostConfig, host);
  checkUlimits(hostConfig.ulimits);
  checkSysctls(config, hostConfig);
  checkTmpfs(hostConfig.tmpfs);
  for (const rule of hostConfig.deviceCgroupRules) parseDeviceRule(rule);
  if (options.cgroupDriver === 'systemd') checkSlice(hostConfig.cgroupParent);
  return [...warnings, ...isolationWarnings(hostConfig, host)];
}

function invalid(message: string, hint?: string): EngineError {
  return new EngineError('invalid-argument', message, hint === undefined ? {} : { hint });
}

function checkModes(hostConfig: HostConfig): void {
  const check = (kind: string, mode: string, words: readonly string[], joins: boolean): void => {
    const joined = joinedContainer(mode);
    if (words.includes(mode) || (joins && joined !== undefined && joined !== '')) return;
    const known = [...words.filter((word) => word !== ''), ...(joins ? ['container:NAME'] : [])];
    throw invalid(`invalid ${kind} mode: ${mode}`, `Known are ${known.join(', ')}.`);
  };
  check('IPC', hostConfig.ipcMode, ['', 'none', 'private', 'shareable', 'host'], true);
  check('PID', hostConfig.pidMode, ['', 'host'], true);
  check('UTS', hostConfig.utsMode, ['', 'host'], false);
  check('user namespace', hostConfig.usernsMode, ['', 'host'], false);
  check('cgroup namespace', hostConfig.cgroupnsMode, ['', 'private', 'host'], false);
}

/** What makes no sense beside another's or the host's network. */
function checkNetworkMode(config: ContainerConfig, hostConfig: HostConfig): void {
  const conflict = (message: string): EngineError => invalid(`conflicting options: ${message}`);
  const ownHostname = config.hostname !== '';
  if (hostConfig.utsMode === 'host' && ownHostname) throw conflict('hostname and the UTS mode');
  const undefinedBehavior = "can't be used with links. This would result in undefined behavior";
  if (hostConfig.networkMode === 'host' && hostConfig.links.length > 0)
    throw conflict(`host type networking ${undefinedBehavior}`);
  if (joinedContainer(hostConfig.networkMode) === undefined) return;
  if (joinedContainer(hostConfig.networkMode) === '')
    throw invalid('invalid container format container:<name|id>', 'Name the container after the colon.');
  if (ownHostname) throw conflict('hostname and the network mode');
  if (hostConfig.links.length > 0) throw conflict(`container type network ${undefinedBehavior}`);
  if (hostConfig.dns.length > 0) throw conflict('dns and the network mode');
  if (hostConfig.extraHosts.length > 0) throw conflict('custom host-to-IP mapping and the network mode');
  if (Object.keys(hostConfig.portBindings).length > 0 || hostConfig.publishAllPorts)
    throw conflict('port publishing and the container type network mode');
  if (config.exposedPorts.length > 0) throw conflict('port exposing and the container type network mode');
}

function checkRanges(hostConfig: HostConfig): void {
  if (hostConfig.shmSize < 0) throw invalid('SHM size can not be less than 0');
  const score = hostConfig.oomScoreAdj;
  if (score < -1000 || score > 1000)
    throw invalid(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  if (hostConfig.isolation !== '' && hostConfig.isolation !== 'default')
    throw invalid(`invalid isolation '${hostConfig.isolation}' on linux`);
  if ('' in hostConfig.annotations)
    throw invalid('invalid Annotations: the empty string is not permitted as an annotation key');
}

function checkSecurity(hostConfig: HostConfig, host: HostFacts): void {
  normalizeCapabilities(hostConfig.capAdd, 'CapAdd', host.security);
  normalizeCapabilities(hostConfig.capDrop, 'CapDrop', host.security);
  const { seccomp } = parseSecurityOptions(hostConfig.securityOpt);
  if (seccomp && !['unconfined', 'builtin', 'default'].includes(seccomp)) parseSeccompProfile(seccomp);
}

function checkSlice(parent: string): void {
  if (parent === '' || (parent.length > 6 && parent.endsWith('.slice'))) return;
  throw invalid('cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"');
}

function isolationWarnings(hostConfig: HostConfig, host: HostFacts): string[] {
  const warnings: string[] = [];
  if (hostConfig.networkMode === 'host' && Object.keys(hostConfig.portBindings).length > 0)
    warnings.push('Published ports are discarded when using host network mode');
  if (hostConfig.cgroupnsMode === 'private' && !host.cgroups.namespaces)
    warnings.push('Your kernel does not support cgroup namespaces.  Cgroup namespace setting discarded.');
  const withheld = withheldCapabilities(hostConfig, host.security);
  if (withheld.length > 0)
    warnings.push(`The daemon may not give ${withheld.join(', ')}: the container goes without.`);
  if (!canHaveOomScore(hostConfig.oomScoreAdj, host))
    warnings.push(
      `The daemon may not lower OOM scores (CAP_SYS_RESOURCE is missing): oom-score-adj ${hostConfig.oomScoreAdj} discarded.`,
    );
  return [...warnings, ...ulimitWarnings(mergeUlimits(hostConfig.ulimits, []), host)];
}
