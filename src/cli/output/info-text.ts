/** The text of `gantry info`. */
import type { InfoResponse } from '../../wire/system.ts';
import { binarySize } from './human.ts';

export interface OwnInfo {
  Debug: boolean;
  Version: string;
  Context: string;
}

/** Client and, where it answered, daemon, in docker's order of lines. */
export function describeInfo(own: OwnInfo, facts: InfoResponse | undefined): string {
  const client = `Client: Gantry\n${lines(
    [
      ['Version', own.Version],
      ['Context', own.Context],
      ['Debug Mode', own.Debug],
    ],
    1,
  )}`;
  return facts === undefined ? client : `${client}\nServer:\n${serverLines(facts)}`;
}

type Line = readonly [name: string, value: string | number | boolean | null | undefined];

function lines(rows: readonly Line[], indent: number): string {
  return rows
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => `${' '.repeat(indent)}${name}: ${value}\n`)
    .join('');
}

function serverLines(facts: InfoResponse): string {
  return [
    containerLines(facts),
    lines(
      [
        ['Images', facts.Images],
        ['Server Version', facts.ServerVersion],
      ],
      1,
    ),
    lines([['Storage Driver', facts.Driver]], 1),
    lines(facts.DriverStatus ?? [], 2),
    lines(
      [
        ['Logging Driver', facts.LoggingDriver],
        ['Cgroup Driver', facts.CgroupDriver],
        ['Cgroup Version', facts.CgroupVersion],
      ],
      1,
    ),
    pluginLines(facts),
    runtimeLines(facts),
    securityLines(facts),
    hostLines(facts),
    registryLines(facts),
  ].join('');
}

function containerLines(facts: InfoResponse): string {
  const states: Line[] = [
    ['Running', facts.ContainersRunning],
    ['Paused', facts.ContainersPaused],
    ['Stopped', facts.ContainersStopped],
  ];
  return lines([['Containers', facts.Containers]], 1) + lines(states, 2);
}

function pluginLines({ Plugins }: InfoResponse): string {
  const rows: Line[] = [
    ['Volume', (Plugins.Volume ?? []).join(' ')],
    ['Network', (Plugins.Network ?? []).join(' ')],
    ['Authorization', (Plugins.Authorization ?? []).join(' ')],
    ['Log', (Plugins.Log ?? []).join(' ')],
  ];
  return ` Plugins:\n${lines(rows, 2)}`;
}

function runtimeLines(facts: InfoResponse): string {
  const names = Object.keys(facts.Runtimes ?? {}).sort();
  return lines(
    [
      ['Swarm', facts.Swarm?.LocalNodeState],
      ['Runtimes', names.join(' ')],
      ['Default Runtime', facts.DefaultRuntime],
      ['Init Binary', facts.InitBinary],
    ],
    1,
  );
}

/** `name=seccomp,profile=builtin` as a name with its options below. */
function securityLines({ SecurityOptions }: InfoResponse): string {
  if (SecurityOptions === null || SecurityOptions.length === 0) return '';
  const blocks = SecurityOptions.map((option) => {
    const [first = '', ...rest] = option.split(',').map((pair) => pair.split('='));
    const options = rest.map(
      ([key = '', value = '']) => `   ${key.charAt(0).toUpperCase()}${key.slice(1)}: ${value}\n`,
    );
    return `  ${first[1] ?? first[0]}\n${options.join('')}`;
  });
  return ` Security Options:\n${blocks.join('')}`;
}

function hostLines(facts: InfoResponse): string {
  return lines(
    [
      ['Kernel Version', facts.KernelVersion],
      ['Operating System', facts.OperatingSystem],
      ['OSType', facts.OSType],
      ['Architecture', facts.Architecture],
      ['CPUs', facts.NCPU],
      ['Total Memory', binarySize(facts.MemTotal)],
      ['Name', facts.Name],
      ['ID', facts.ID],
      ['Docker Root Dir', facts.DockerRootDir],
      ['Debug Mode', facts.Debug],
      ['HTTP Proxy', facts.HttpProxy],
      ['HTTPS Proxy', facts.HttpsProxy],
      ['No Proxy', facts.NoProxy],
    ],
    1,
  );
}

function registryLines(facts: InfoResponse): string {
  const { RegistryConfig, Labels } = facts;
  const entries = Object.values(RegistryConfig?.IndexConfigs ?? {}).filter(({ Secure }) => !Secure);
  const insecure = [...entries.map(({ Name }) => Name), ...(RegistryConfig?.InsecureRegistryCIDRs ?? [])];
  return [
    lines([['Experimental', facts.ExperimentalBuild]], 1),
    block('Insecure Registries', insecure),
    block('Registry Mirrors', RegistryConfig?.Mirrors ?? []),
    block('Labels', Labels ?? []),
    lines([['Live Restore Enabled', facts.LiveRestoreEnabled]], 1),
  ].join('');
}

function block(heading: string, items: readonly string[]): string {
  return items.length === 0 ? '' : ` ${heading}:\n${items.map((item) => `  ${item}\n`).join('')}`;
}
