/** System-call filters as crun compiled them, so that it compiles each but once. */
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { RuntimeSpec } from '../../oci/runtime-spec.ts';
import type { RuntimeProgram } from '../../runtime/runtime-types.ts';

/** Of crun: base64 of the BPF program, used in place of compiling `linux.seccomp`. */
const annotation = 'run.oci.seccomp_bpf_data';
/** Filters kept: one for each set of capabilities and each profile in use. */
const capacity = 64;

/**
 * Compiling Docker's default profile takes crun 12 of the 20 ms of a whole `run` (measured, 2 cores), unless it was built with a cache of its own.
 * What it compiled stands in its state directory while the container is there: it is read once, and handed back to it by annotation from
 * then on. The profile itself stays in the configuration, and a runtime that doesn't know the annotation goes by that.
 */
export class CompiledFilters {
  /** By profile as JSON. */
  readonly #programs = new Map<string, string>();

  /** The configuration with the compiled filter, where it is known; otherwise the same. */
  apply(spec: RuntimeSpec, runtime: RuntimeProgram): RuntimeSpec {
    const program = isCrun(runtime) ? this.#programs.get(keyOf(spec)) : undefined;
    if (program === undefined || spec.annotations?.[annotation] !== undefined) return spec;
    return { ...spec, annotations: { ...spec.annotations, [annotation]: program } };
  }

  /** Reads what crun compiled for a container that was just started. Never rejects: a container that has ended took it along. */
  async learn(spec: RuntimeSpec, runtime: RuntimeProgram, containerId: string): Promise<void> {
    const key = keyOf(spec);
    const foreign = spec.annotations?.[annotation] !== undefined;
    if (!isCrun(runtime) || spec.linux.seccomp === undefined || foreign || this.#programs.has(key)) return;
    const file = join(stateRoot(runtime), containerId, 'seccomp.bpf');
    const program = await readFile(file).catch(() => undefined);
    // A program is a list of 8-byte instructions.
    if (program === undefined || program.length === 0 || program.length % 8 !== 0) return;
    const oldest = this.#programs.keys().next().value;
    if (this.#programs.size >= capacity && oldest !== undefined) this.#programs.delete(oldest);
    this.#programs.set(key, program.toString('base64'));
  }
}

function keyOf(spec: RuntimeSpec): string {
  return JSON.stringify(spec.linux.seccomp);
}

function isCrun(runtime: RuntimeProgram): boolean {
  return basename(runtime.path) === 'crun';
}

/** crun(1): `--root`, or /run/crun for root. */
function stateRoot({ args }: RuntimeProgram): string {
  const at = args.indexOf('--root');
  const joined = args.find((arg) => arg.startsWith('--root='));
  return joined?.slice('--root='.length) ?? (at < 0 ? '/run/crun' : (args[at + 1] ?? '/run/crun'));
}
