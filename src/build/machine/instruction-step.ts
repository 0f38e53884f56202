/** One instruction of a stage: what becomes of the image, its file system and its history. */
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { AddInstruction, CopyInstruction, StageInstruction } from '../dockerfile/ast.ts';
import { DockerfileError, locating } from '../dockerfile/errors.ts';
import type { BuildSession } from './build-session.ts';
import type { LayerResult } from './file-system.ts';
import { fromWorkdir, type ImageState, withHistory, withInstruction } from './image-state.ts';
import { makeLayer } from './layer-step.ts';
import { makeDirectories } from './make-directories.ts';
import { planMounts } from './mount-plan.ts';
import type { StepVertex } from './progress.ts';
import { runCommand, runHistory } from './run-command.ts';
import { runInstruction } from './run-step.ts';
import type { InstructionStep, StageResult } from './stage-result.ts';
import { transferHistory } from './transfer-history.ts';
import { prepareTransfer } from './transfer-step.ts';

/** The stage after the instruction. Errors have a place in the file. */
export async function takeInstruction(session: BuildSession, step: InstructionStep): Promise<StageResult> {
  const { state } = step;
  const instruction = state.scope.evaluate(step.instruction);
  const place = placeOf(step);
  const changed = locating(place, () => withInstruction(state.image, instruction));
  if (changed !== undefined) return { ...state, image: changed };
  // What it reads from is made first: the step itself begins when it can.
  await Promise.all(
    (step.planned.sources.get(step.instruction) ?? []).map((source) => source && step.runner.filesOf(source)),
  );
  if (instruction.kind === 'workdir') {
    const path = fromWorkdir(state.image, instruction.path);
    const image = { ...state.image, process: { ...state.image.process, WorkingDir: path } };
    if (path === '/') return { ...state, image: withHistory(image, `WORKDIR ${path}`, false) };
    const made = await inStep(session, step, (vertex) => workdir(session, step, path, vertex));
    return after(session, { ...state, image }, made, `WORKDIR ${path}`);
  }
  if (instruction.kind === 'run') {
    const made = await inStep(session, step, async (vertex) => {
      const mounts = await planMounts(session, { ...step, instruction, written: step.instruction });
      return await runInstruction(
        session,
        {
          instruction,
          image: state.image,
          scope: state.scope,
          below: state,
          uncached: step.uncached,
          mounts,
        },
        vertex,
      );
    });
    const { args } = runCommand(state.image, instruction);
    return after(session, state, made, runHistory(args, state.scope.args));
  }
  if (instruction.kind === 'copy' || instruction.kind === 'add') {
    const made = await inStep(session, step, (vertex) => transfer(session, step, instruction, vertex));
    return after(session, state, made, transferHistory(instruction));
  }
  throw new EngineError('internal', `no way to do ${instruction.keyword}`);
}

async function transfer(
  session: BuildSession,
  { runner, planned, instruction: written, state, uncached }: InstructionStep,
  instruction: CopyInstruction | AddInstruction,
  vertex: StepVertex,
): Promise<LayerResult> {
  const source = planned.sources.get(written)?.[0];
  const prepared = await prepareTransfer(session, instruction, state.image, () => runner.filesOf(source));
  try {
    return await makeLayer(
      session,
      {
        below: state,
        description: instruction.text,
        uncached,
        parts: { kind: instruction.kind, ...prepared.parts },
        produce: (draft) => inSettled(state, (lower) => prepared.fill(draft, lower)),
      },
      vertex,
    );
  } finally {
    await prepared.close();
  }
}

/** Runs `work` with the trees of a file system that it looks into: what hides what is known of a layer only once it is kept. */
async function inSettled(
  { stack }: StageResult,
  work: (lower: readonly string[]) => Promise<void> | void,
): Promise<void> {
  await stack.kept();
  const { trees, done } = await stack.use();
  try {
    await work(trees);
  } finally {
    done();
  }
}

async function workdir(
  session: BuildSession,
  { state, uncached }: InstructionStep,
  path: string,
  vertex: StepVertex,
): Promise<LayerResult> {
  const user = state.image.process.User ?? '';
  return await makeLayer(
    session,
    {
      below: state,
      description: `WORKDIR ${path}`,
      uncached,
      parts: { kind: 'workdir', command: path, user },
      produce: (draft) =>
        inSettled(state, (lower) => makeDirectories({ upper: draft.upper, lower, path, user })),
    },
    vertex,
  );
}

function after(
  session: BuildSession,
  state: StageResult,
  { stack, key, createdAt }: LayerResult,
  createdBy: string,
): StageResult {
  const image: ImageState = withHistory(state.image, createdBy, true);
  const { sourceDateEpoch } = session.request;
  const time = sourceDateEpoch === undefined ? createdAt : sourceDateEpoch * 1000;
  const history = image.history.map((entry, index) =>
    index === image.history.length - 1 ? { created: new Date(time).toISOString(), ...entry } : entry,
  );
  return { ...state, image: { ...image, history }, stack, key, keys: [...state.keys, key] };
}

/** Runs `work` as a step that the client sees; what it fails with says where. */
async function inStep(
  session: BuildSession,
  step: InstructionStep,
  work: (vertex: StepVertex) => Promise<LayerResult>,
): Promise<LayerResult> {
  return await session.progress.step(step.name, async (vertex) => {
    try {
      return await work(vertex);
    } catch (error) {
      throw located(step, error, vertex.vertex);
    }
  });
}

function placeOf({ runner, instruction }: InstructionStep): ConstructorParameters<
  typeof DockerfileError
>[1] & {
  range: StageInstruction['range'];
  instruction: string;
} {
  return { source: runner.source, range: instruction.range, instruction: instruction.keyword.toUpperCase() };
}

function located(step: InstructionStep, error: unknown, vertex: string): unknown {
  if (!isEngineError(error) || error instanceof DockerfileError || error.code === 'cancelled') return error;
  const { source, range, instruction } = placeOf(step);
  return new EngineError(error.code, error.message, {
    cause: error,
    details: { ...error.details, file: source.name, line: range.start.line, instruction, vertex },
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
