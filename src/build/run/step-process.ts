/** Runs one process of a build, isolated as a container is: namespaces, seccomp, capabilities, cgroup; unknown to all lists of containers. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupsPath, specDefaults } from '../../engine/container-spec.ts';
import type { Engine } from '../../engine/engine.ts';
import { newId } from '../../engine/names.ts';
import { bundleFiles } from '../../engine/paths.ts';
import { runtimeProgram } from '../../engine/runtimes.ts';
import { buildSpec } from '../../engine/spec/build-spec.ts';
import { CompiledFilters } from '../../engine/spec/compiled-filters.ts';
import { resolveUser } from '../../engine/spec/user.ts';
import { EngineError } from '../../errors/engine-error.ts';
import { oomFileOf } from '../../host/cgroups.ts';
import { gatherDevices } from '../../host/devices.ts';
import { encodeRuntimeSpec, type RuntimeSpec, type SpecMount } from '../../oci/runtime-spec.ts';
import { type ExitStatus, networkNamespacePath, type PreparedProcess } from '../../runtime/runtime-types.ts';
import { readLayeredFile } from '../../snapshots/layered-files.ts';
import type { BuildResources } from '../build-types.ts';
import type { StepNetwork } from './build-networks.ts';
import { stepHostname, stepRecord } from './step-record.ts';

/** Of the whole process: the same profile compiles to the same program in every step. */
const compiledFilters = new CompiledFilters();

export interface StepProcess {
  args: readonly string[];
  /** `NAME=VALUE`. HOME is added where it is missing. */
  env: readonly string[];
  user: string;
  workingDir: string;
  isInsecure: boolean;
  networkMode: string;
  network: StepNetwork;
  extraHosts: readonly string[];
  resources: BuildResources;
  /** Top layer first; they may move once `onMounted` was called. */
  lower: readonly string[];
  upper: string;
  work: string;
  mounts: readonly SpecMount[];
  onMounted: () => void;
  onOutput: (stream: 1 | 2, data: Buffer) => void;
}

/** Resolves when the process has ended and nothing of it is left. `cancelled` where `signal` aborted: it was killed then. EngineErrors as of a container's start. */
export async function runStepProcess(
  engine: Engine,
  step: StepProcess,
  signal: AbortSignal,
): Promise<ExitStatus> {
  const id = newId();
  const bundle = bundleFiles(engine.config, id);
  await mkdir(bundle.directory, { recursive: true, mode: 0o710 });
  try {
    return await runInBundle(engine, id, step, signal);
  } finally {
    await Promise.all([rm(bundle.directory, { recursive: true, force: true }), engine.runtime.forget(id)]);
  }
}

async function runInBundle(
  engine: Engine,
  id: string,
  step: StepProcess,
  signal: AbortSignal,
): Promise<ExitStatus> {
  const { config, host } = engine;
  const bundle = bundleFiles(config, id);
  const record = stepRecord({ id, ...step });
  const runtime = runtimeProgram(config, host, '');
  const oomFile = oomFileOf(host.cgroups, cgroupsPath(engine, record));
  const specified = specOf(engine, id, step).then((spec) => compiledFilters.apply(spec, runtime));
  specified.catch(() => undefined);
  const shim = await engine.runtime.prepare({
    containerId: id,
    processId: id,
    kind: {
      kind: 'container',
      bundle: bundle.directory,
      root: { lower: step.lower, upper: step.upper, work: step.work, target: bundle.root },
      network: step.network.namespace,
      ...(oomFile === undefined ? {} : { oomFile }),
    },
    runtime,
    terminal: false,
    openStdin: false,
    stdinOnce: false,
  });
  try {
    const spec = await specified;
    await writeFile(bundle.config, encodeRuntimeSpec(spec));
    const attached = await shim.attach({ stdin: false, stdout: true, stderr: true });
    const relayed = relay(attached.output, step.onOutput);
    relayed.catch(() => undefined);
    const { ended } = await start(shim, step, signal);
    void compiledFilters.learn(spec, runtime, id);
    const status = await ended;
    await relayed;
    if (signal.aborted) throw cancelled();
    return status;
  } catch (error) {
    await shim.cancel().catch(() => undefined);
    throw error;
  }
}

/** Starts the process, and kills it when `signal` aborts. `ended` resolves once all it held is given back. */
async function start(
  shim: PreparedProcess,
  { onMounted }: StepProcess,
  signal: AbortSignal,
): Promise<{ ended: Promise<ExitStatus> }> {
  const process = await shim.start(signal);
  onMounted();
  const kill = (): void => void process.kill(9).catch(() => undefined);
  signal.addEventListener('abort', kill, { once: true });
  if (signal.aborted) kill();
  const ended = process.released
    .then(() => process.exited)
    .finally(() => signal.removeEventListener('abort', kill));
  ended.catch(() => undefined);
  return { ended };
}

async function relay(
  output: AsyncIterable<{ stream: 'stdout' | 'stderr'; data: Buffer }>,
  onOutput: StepProcess['onOutput'],
): Promise<void> {
  for await (const { stream, data } of output) onOutput(stream === 'stdout' ? 1 : 2, data);
}

async function specOf(engine: Engine, id: string, step: StepProcess): Promise<RuntimeSpec> {
  const { config, host } = engine;
  const bundle = bundleFiles(config, id);
  const record = stepRecord({ id, ...step });
  const trees = [step.upper, ...step.lower];
  const read = (path: string): string => readLayeredFile(trees, path)?.toString('utf8') ?? '';
  const user = resolveUser(step.user, [], read('/etc/passwd'), read('/etc/group'));
  const files = { hosts: join(bundle.directory, 'hosts'), resolvConf: join(bundle.directory, 'resolv.conf') };
  const [devices] = await Promise.all([
    gatherDevices([], { privileged: step.isInsecure }),
    writeFile(files.hosts, step.network.hosts),
    writeFile(files.resolvConf, step.network.resolvConf),
  ]);
  const spec = buildSpec({
    container: record,
    host,
    defaults: specDefaults(engine),
    user,
    rootPath: bundle.root,
    hostname: stepHostname,
    mounts: [],
    files,
    join: {},
    cgroupsPath: cgroupsPath(engine, record),
    devices,
    blockDevices: new Map(),
    networkSysctlsDone: true,
    ...(step.network.namespace.kind === 'host'
      ? {}
      : { networkNamespacePath: networkNamespacePath(config.execRoot, id) }),
  });
  return withOwn(spec, step, user.home);
}

/** A build's process has no variables but its own, and can't write to files that other steps see too. */
function withOwn(spec: RuntimeSpec, { env, mounts }: StepProcess, home: string): RuntimeSpec {
  const hasHome = env.some((one) => one.startsWith('HOME='));
  const own = new Set(mounts.map(({ destination }) => destination));
  const standard = spec.mounts
    .filter(({ destination }) => !own.has(destination))
    .map((mount) => (isShared(mount) ? { ...mount, options: [...mount.options, 'ro'] } : mount));
  return {
    ...spec,
    process: { ...spec.process, env: hasHome ? [...env] : [...env, `HOME=${home}`] },
    mounts: [...standard, ...mounts],
  };
}

function isShared({ destination }: SpecMount): boolean {
  return destination === '/etc/hosts' || destination === '/etc/resolv.conf';
}

function cancelled(): EngineError {
  return new EngineError('cancelled', 'the build was cancelled');
}
