/** What this host lacks for running containers, how bad that is, and how to mend it. */
import type { HostFacts } from './facts.ts';
import { kernelAtLeast } from './kernel.ts';

export interface PreflightFinding {
  /** One sentence without a full stop. */
  what: string;
  /** `error`: containers can't run; `warning`: something a user may ask for won't work; `note`: works, but differs. */
  severity: 'error' | 'warning' | 'note';
  /** How to mend it: one imperative sentence. */
  mend: string;
}

/** Checks facts; pure. The worst come first. */
export function preflight(host: HostFacts): PreflightFinding[] {
  const findings = [
    ...checkKernel(host),
    ...checkPrograms(host),
    ...checkCgroups(host),
    ...checkSecurity(host),
    ...checkLimits(host),
  ];
  const order = ['error', 'warning', 'note'];
  return findings.sort((a, b) => order.indexOf(a.severity) - order.indexOf(b.severity));
}

function finding(severity: PreflightFinding['severity'], what: string, mend: string): PreflightFinding {
  return { severity, what, mend };
}

function checkKernel(host: HostFacts): PreflightFinding[] {
  const found: PreflightFinding[] = [];
  if (!host.runsAsRoot)
    found.push(finding('error', 'the daemon does not run as root', 'Start it with sudo.'));
  if (!kernelAtLeast(host.kernelVersion, '5.6'))
    found.push(
      finding(
        'error',
        `the kernel is too old (${host.kernelVersion})`,
        'Boot Linux 5.6 or newer: openat2(2) is needed.',
      ),
    );
  if (!host.overlay.loaded)
    found.push(
      finding(
        'error',
        'the kernel has no overlay file system',
        'Run `modprobe overlay`, or boot a kernel that has it.',
      ),
    );
  if (!host.network.ipv6)
    found.push(
      finding(
        'note',
        'IPv6 is off',
        'Boot without ipv6.disable=1 if ports shall be published on IPv6 as well.',
      ),
    );
  return found;
}

function checkPrograms(host: HostFacts): PreflightFinding[] {
  const { programs } = host;
  const found: PreflightFinding[] = [];
  if (programs.crun === undefined && programs.runc === undefined)
    found.push(finding('error', 'no OCI runtime is installed', 'Install crun: `apt-get install crun`.'));
  else if (programs.crun === undefined)
    found.push(
      finding(
        'note',
        'crun is missing: runc is used, which starts slower',
        'Install crun: `apt-get install crun`.',
      ),
    );
  if (programs.nft === undefined)
    found.push(
      finding(
        programs.iptables === undefined ? 'error' : 'note',
        programs.iptables === undefined
          ? 'neither nft nor iptables is installed: no network for containers'
          : 'nft is missing: iptables is used, where a published port costs the more the more there are',
        'Install nftables: `apt-get install nftables`.',
      ),
    );
  return found;
}

function checkCgroups(host: HostFacts): PreflightFinding[] {
  const { cgroups } = host;
  if (cgroups.hierarchies.length === 0)
    return [
      finding(
        'error',
        'no cgroup hierarchy is mounted',
        'Mount it: `mount -t cgroup2 none /sys/fs/cgroup`, or install cgroupfs-mount.',
      ),
    ];
  const found = missingControllers(host);
  if (cgroups.mode === 'hybrid' && cgroups.hybridWithControllers.length > 0)
    found.push(
      finding(
        'note',
        `the v2 side of this hybrid cgroup host has controllers (${cgroups.hybridWithControllers.join(', ')}), which crun refuses by itself`,
        'Nothing needs to be done: crun is kept from seeing that side.',
      ),
    );
  return found;
}

function missingControllers(host: HostFacts): PreflightFinding[] {
  const { features } = host.cgroups;
  const found: PreflightFinding[] = [];
  const bootArgument = 'Enable it on the kernel command line: `cgroup_enable=memory swapaccount=1`.';
  if (!features.memory)
    found.push(finding('warning', 'no memory limits: the controller is missing', bootArgument));
  else if (!features.swap) found.push(finding('note', 'no swap limits: swap is not accounted', bootArgument));
  const needed: Array<[boolean, string]> = [
    [features.pids, 'pids'],
    [features.cpuQuota, 'cpu'],
    [features.cpuset, 'cpuset'],
  ];
  for (const [there, name] of needed)
    if (!there)
      found.push(
        finding(
          'warning',
          `no ${name} limits: the controller is missing`,
          `Mount the ${name} controller, or boot a kernel that has it.`,
        ),
      );
  return found;
}

function checkSecurity(host: HostFacts): PreflightFinding[] {
  const { security } = host;
  const found: PreflightFinding[] = [];
  if (!security.seccomp)
    found.push(
      finding(
        'warning',
        'the kernel has no seccomp: system calls are not filtered',
        'Boot a kernel with CONFIG_SECCOMP_FILTER.',
      ),
    );
  if (security.apparmor && !security.apparmorProfiles.has('docker-default'))
    found.push(
      finding(
        'warning',
        'AppArmor has no profile docker-default loaded: containers are not confined by it',
        'Load one with `apparmor_parser`, or name another with `--security-opt apparmor=PROFILE`.',
      ),
    );
  const missing = missingCapabilities(host);
  if (missing.length > 0)
    found.push(
      finding(
        'warning',
        `the daemon may not give ${missing.join(', ')}: privileged containers go without`,
        'Start the daemon where its bounding set is whole (`grep CapBnd /proc/self/status`).',
      ),
    );
  return found;
}

/** Capabilities of the kernel that are not in our bounding set. */
export function missingCapabilities(host: HostFacts): string[] {
  return [...host.security.kernelCapabilities].filter((name) => !host.security.capabilities.has(name));
}

function checkLimits(host: HostFacts): PreflightFinding[] {
  const files = host.hardLimits['nofile'] ?? Number.POSITIVE_INFINITY;
  if (files >= 65_536) return [];
  return [
    finding(
      'note',
      `the daemon may hold only ${files} files open`,
      'Raise it: `ulimit -Hn 1048576`, or LimitNOFILE= in its unit.',
    ),
  ];
}
