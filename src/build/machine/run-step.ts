/** RUN: a process in the stage's file system, whose changes are a layer. */
import { rename, rmdir } from 'node:fs/promises';
import { EngineError } from '../../errors/engine-error.ts';
import { formatPlatform } from '../../oci/platform.ts';
import type { ExitStatus } from '../../runtime/runtime-types.ts';
import type { LayerDraft } from '../../snapshots/layer-drafts.ts';
import type { RunInstruction } from '../dockerfile/ast.ts';
import { proxyEnvironment } from '../dockerfile/predefined-args.ts';
import type { StageScope } from '../dockerfile/stage-scope.ts';
import { checkRunnable } from '../run/emulation.ts';
import { MountStubs } from '../run/mount-stubs.ts';
import { runStepProcess } from '../run/step-process.ts';
import type { StepRecord } from '../run/step-record.ts';
import type { BuildSession } from './build-session.ts';
import type { FileSystem, LayerResult } from './file-system.ts';
import { goQuoted } from './go-format.ts';
import { type ImageState, shellOf } from './image-state.ts';
import { makeLayer } from './layer-step.ts';
import type { OpenMounts, StepMounts } from './mount-plan.ts';
import type { StepVertex } from './progress.ts';
import { type RunCommand, runCommand } from './run-command.ts';

export interface RunStep {
  instruction: RunInstruction;
  image: ImageState;
  scope: StageScope;
  below: FileSystem;
  uncached: string | undefined;
  mounts: StepMounts;
}

export async function runInstruction(
  session: BuildSession,
  step: RunStep,
  vertex: StepVertex,
): Promise<LayerResult> {
  const { instruction, image, scope, mounts } = step;
  checkEntitled(session, instruction);
  const command = runCommand(image, instruction);
  const environment = [...scope.environment].map(([name, value]) => `${name}=${value}`);
  const networkMode = instruction.network === 'default' ? session.request.networkMode : instruction.network;
  return await makeLayer(
    session,
    {
      below: step.below,
      description: instruction.text,
      uncached: step.uncached,
      cacheMounts: mounts.cacheIds,
      parts: {
        kind: 'run',
        command: [...command.args, command.script?.content],
        environment: Object.fromEntries(scope.environment),
        user: image.process.User ?? '',
        workingDir: image.process.WorkingDir ?? '/',
        network: networkMode,
        security: instruction.security,
        extraHosts: session.request.extraHosts,
        mounts: mounts.keyParts,
        platform: formatPlatform(image.platform),
      },
      produce: async (draft, made) => {
        checkRunnable(image.platform);
        await session.slots.run(() =>
          execute(
            session,
            { ...step, draft, args: command.args, script: command.script, environment, networkMode },
            made,
          ),
        );
      },
    },
    vertex,
  );
}

interface Execution extends RunStep {
  draft: LayerDraft;
  args: readonly string[];
  script: RunCommand['script'];
  environment: readonly string[];
  networkMode: string;
}

async function execute(session: BuildSession, run: Execution, vertex: StepVertex): Promise<void> {
  session.signal.throwIfAborted();
  const opened = await run.mounts.open(session, run.script);
  let isKept = false;
  try {
    const { exitCode, oomKilled } = await inNetwork(session, run, opened, vertex);
    if (exitCode === 0) return;
    isKept = session.request.keepFailed;
    if (isKept) await keep(session, run, opened, vertex);
    throw failed(run.args, exitCode, oomKilled);
  } finally {
    if (!isKept) await opened.close();
  }
}

async function inNetwork(
  session: BuildSession,
  run: Execution,
  opened: OpenMounts,
  vertex: StepVertex,
): Promise<ExitStatus> {
  const network = await session.networks.acquire(run.networkMode);
  const { trees, free, done } = await run.below.stack.use();
  try {
    const stubs = new MountStubs(trees, opened.targets);
    const { upper, work } = run.draft;
    const status = await runStepProcess(
      session.engine,
      {
        ...processOf(session, run, opened.environment),
        args: run.args,
        network,
        lower: trees,
        upper,
        work,
        mounts: opened.mounts,
        onMounted: free,
        onOutput: vertex.output,
      },
      session.signal,
    );
    await stubs.remove(upper);
    return status;
  } finally {
    done();
    await network.release(run.instruction.security === 'insecure');
  }
}

/** The process but for its arguments. */
function processOf(
  { request }: BuildSession,
  { environment, image, instruction, networkMode }: Execution,
  ofMounts: readonly string[],
): Omit<StepRecord, 'id' | 'args'> {
  return {
    env: [...environment, ...proxies(request.buildArgs), ...ofMounts],
    user: image.process.User ?? '',
    workingDir: image.process.WorkingDir || '/',
    isInsecure: instruction.security === 'insecure',
    networkMode,
    extraHosts: request.extraHosts,
    resources: request.resources,
  };
}

/** The draft's files go to another one: its own is dropped. */
async function keep(
  session: BuildSession,
  run: Execution,
  opened: OpenMounts,
  { vertex }: StepVertex,
): Promise<void> {
  const { snapshots, builds } = session.workshop;
  const layers = await run.below.stack.kept();
  const lease = builds.lease();
  lease.add(...layers.flatMap(({ chainId, blob }) => [chainId, blob.digest]));
  const draft = snapshots.drafts.begin();
  await rmdir(draft.upper);
  await rename(run.draft.upper, draft.upper);
  session.failedSteps.keep({
    buildId: session.request.id,
    vertex,
    draft,
    below: layers.map(({ chainId }) => chainId),
    lease,
    // The record of a container is written to the disk: no secret is to be in it. Those that are files are where they were.
    process: processOf(session, run, opened.openEnvironment),
    shell: shellOf(run.image),
    mounts: opened.mounts,
    closeMounts: opened.close,
  });
}

function proxies(buildArgs: ReadonlyMap<string, string>): string[] {
  return [...proxyEnvironment(buildArgs)].map(([name, value]) => `${name}=${value}`);
}

/** In Docker's words. */
function failed(args: readonly string[], exitCode: number, oomKilled: boolean): EngineError {
  const command = goQuoted(args.join(' '));
  const why = oomKilled ? ' (a process was killed for want of memory)' : '';
  return new EngineError(
    'failed-precondition',
    `process ${command} did not complete successfully: exit code: ${exitCode}${why}`,
    { details: { exitCode, command: args.join(' ') } },
  );
}

function checkEntitled({ request }: BuildSession, { network, security }: RunInstruction): void {
  if (security === 'insecure' && !request.entitlements.has('security.insecure'))
    throw notEntitled('security.insecure');
  if (network === 'host' && request.networkMode !== 'host' && !request.entitlements.has('network.host'))
    throw notEntitled('network.host');
}

function notEntitled(what: string): EngineError {
  return new EngineError(
    'forbidden',
    `granting entitlement ${what} is not allowed by build daemon configuration`,
    {
      hint: `allow it for this build: --allow ${what}`,
    },
  );
}
