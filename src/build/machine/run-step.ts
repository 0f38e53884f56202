/** RUN: a process in the stage's file system, whose changes are a layer. */
import { EngineError } from '../../errors/engine-error.ts';
import { formatPlatform, hostPlatform, platformMatches } from '../../oci/platform.ts';
import type { LayerDraft } from '../../snapshots/layer-drafts.ts';
import type { RunInstruction } from '../dockerfile/ast.ts';
import { proxyEnvironment } from '../dockerfile/predefined-args.ts';
import type { StageScope } from '../dockerfile/stage-scope.ts';
import { MountStubs } from '../run/mount-stubs.ts';
import { runStepProcess } from '../run/step-process.ts';
import type { BuildSession } from './build-session.ts';
import { goQuoted } from './go-format.ts';
import type { ImageState } from './image-state.ts';
import { type FileSystem, type LayerResult, makeLayer } from './layer-step.ts';
import type { StepMounts } from './mount-plan.ts';
import type { StepVertex } from './progress.ts';
import { runCommand } from './run-command.ts';

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
        checkPlatform(image);
        await session.slots.run(() =>
          execute(session, { ...step, draft, args: command.args, environment, networkMode }, made),
        );
      },
    },
    vertex,
  );
}

interface Execution extends RunStep {
  draft: LayerDraft;
  args: readonly string[];
  environment: readonly string[];
  networkMode: string;
}

async function execute(session: BuildSession, run: Execution, vertex: StepVertex): Promise<void> {
  const { engine, request, networks, signal } = session;
  const { instruction, image, draft, args, mounts } = run;
  signal.throwIfAborted();
  const { trees, free } = run.below.stack.use();
  const isInsecure = instruction.security === 'insecure';
  const opened = await mounts.open(session);
  const network = await networks.acquire(run.networkMode);
  try {
    const stubs = new MountStubs(trees, opened.targets);
    const status = await runStepProcess(
      engine,
      {
        args,
        env: [...run.environment, ...proxies(request.buildArgs), ...opened.environment],
        user: image.process.User ?? '',
        workingDir: image.process.WorkingDir || '/',
        isInsecure,
        networkMode: run.networkMode,
        network,
        extraHosts: request.extraHosts,
        resources: request.resources,
        lower: trees,
        upper: draft.upper,
        work: draft.work,
        mounts: opened.mounts,
        onMounted: free,
        onOutput: vertex.output,
      },
      signal,
    );
    if (status.exitCode !== 0) throw failed(args, status.exitCode, status.oomKilled);
    await stubs.remove(draft.upper);
  } finally {
    free();
    await network.release(isInsecure);
    await opened.close();
  }
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

function checkPlatform({ platform }: ImageState): void {
  const host = hostPlatform();
  if (platformMatches(host, platform)) return;
  throw new EngineError(
    'failed-precondition',
    `RUN for ${formatPlatform(platform)} needs an emulator: this host is ${formatPlatform(host)}`,
    {
      hint: 'register one with binfmt_misc (apt install qemu-user-static), or cross-compile from FROM --platform=$BUILDPLATFORM',
    },
  );
}
