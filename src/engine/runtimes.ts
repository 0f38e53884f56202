/** Which OCI runtime runs a container: by name, with crun before runc where the user doesn't say. */
import { basename, join } from 'node:path';
import { EngineError } from '../errors/engine-error.ts';
import type { HostFacts } from '../host/facts.ts';
import type { RuntimeProgram } from '../runtime/runtime-types.ts';
import type { DaemonConfig } from './daemon-config.ts';

type Settings = Pick<DaemonConfig, 'runtimes' | 'defaultRuntime' | 'cgroupDriver' | 'execRoot'>;

/** Programs that are known without being configured. `io.containerd.runc.v2` is what Docker calls its own. */
const aliases: Readonly<Record<string, 'crun' | 'runc' | 'runsc'>> = {
  crun: 'crun',
  runc: 'runc',
  runsc: 'runsc',
  'io.containerd.runc.v2': 'runc',
  'io.containerd.runsc.v1': 'runsc',
};

/** Name of the runtime of a container that names none. */
export function defaultRuntimeName(settings: Settings, host: HostFacts): string {
  if (settings.defaultRuntime !== '') return settings.defaultRuntime;
  return host.programs.crun === undefined && host.programs.runc !== undefined ? 'runc' : 'crun';
}

/** Every runtime that `--runtime` may name here, with its program. */
export function knownRuntimes(settings: Settings, host: HostFacts): Map<string, RuntimeProgram> {
  const found = new Map<string, RuntimeProgram>();
  for (const [name, program] of Object.entries(aliases)) {
    const path = host.programs[program];
    if (path !== undefined) found.set(name, { path, args: [] });
  }
  for (const [name, { path, args }] of Object.entries(settings.runtimes)) found.set(name, { path, args });
  return found;
}

/** The program of a runtime. EngineError `invalid-argument` "unknown or invalid runtime name: X". */
export function runtimeProgram(settings: Settings, host: HostFacts, name: string): RuntimeProgram {
  const wanted = name === '' ? defaultRuntimeName(settings, host) : name;
  const known = knownRuntimes(settings, host);
  const program = known.get(wanted);
  if (program === undefined) {
    throw new EngineError('invalid-argument', `unknown or invalid runtime name: ${wanted}`, {
      hint:
        known.size === 0
          ? 'install crun (apt install crun) and start the daemon anew'
          : `use one of ${[...known.keys()].join(', ')}, or add it with --add-runtime`,
    });
  }
  const driver = settings.cgroupDriver === 'systemd' ? ['--systemd-cgroup'] : [];
  /* Its state is this daemon's own: two daemons, or a user of the same runtime, never see each other's containers. */
  const root = ['--root', join(settings.execRoot, 'runtimes', basename(program.path))];
  return { path: program.path, args: [...root, ...driver, ...program.args] };
}
