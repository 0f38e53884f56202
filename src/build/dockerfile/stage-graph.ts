/** The graph of stages: what the target needs, and that nothing needs itself or what comes later. */
import type { StageInstruction } from './ast.ts';
import { DockerfileError } from './errors.ts';
import type { PlannedStage, StagePlan } from './stage-plan.ts';
import type { Source } from './stage-sources.ts';

type Graph = Pick<StagePlan, 'stages' | 'target' | 'dockerfile'>;

interface Edge {
  to: number;
  /** Undefined for FROM. */
  instruction: StageInstruction | undefined;
}

function edgesOf({ base, sources }: PlannedStage): Edge[] {
  const begin: Edge[] = base.kind === 'stage' ? [{ to: base.index, instruction: undefined }] : [];
  const reads = [...sources].flatMap(([instruction, found]) =>
    found.flatMap((source: Source | undefined) =>
      source?.kind === 'stage' ? [{ to: source.index, instruction }] : [],
    ),
  );
  return [...begin, ...reads];
}

/** The indexes of the stages that the target needs, itself with them, ascending. */
export function neededStages({ stages, target }: Graph): number[] {
  const needed = new Set<number>();
  const waiting = [target];
  for (let index = waiting.pop(); index !== undefined; index = waiting.pop()) {
    const planned = stages[index];
    if (planned === undefined || needed.has(index)) continue;
    needed.add(index);
    waiting.push(...edgesOf(planned).map((edge) => edge.to));
  }
  return [...needed].sort((a, b) => a - b);
}

/** DockerfileError at the instruction that closes a circle. */
export function checkCycles(graph: Graph): void {
  const state = new Map<number, 'open' | 'done'>();
  for (const planned of graph.stages) visit(graph, planned, state);
}

function visit(graph: Graph, planned: PlannedStage, state: Map<number, 'open' | 'done'>): void {
  const { index } = planned.stage;
  if (state.has(index)) return;
  state.set(index, 'open');
  for (const { to, instruction } of edgesOf(planned)) {
    if (state.get(to) === 'open') throw circular(graph, planned, instruction);
    const next = graph.stages[to];
    if (next !== undefined) visit(graph, next, state);
  }
  state.set(index, 'done');
}

function circular(
  { dockerfile }: Graph,
  planned: PlannedStage,
  instruction: StageInstruction | undefined,
): DockerfileError {
  const at = instruction ?? planned.stage.from;
  return new DockerfileError(
    `circular dependency detected on stage: ${planned.label}`,
    { source: dockerfile, range: at.range, instruction: at.keyword.toUpperCase() },
    'a stage can only read from stages that need nothing of it',
  );
}

/** DockerfileError where one of these stages reads from one that comes after it. */
export function checkOrder(graph: Graph, indexes: Iterable<number>): void {
  for (const index of indexes) {
    const planned = graph.stages[index];
    if (planned === undefined) continue;
    for (const { to, instruction } of edgesOf(planned))
      if (to >= index && instruction !== undefined) throw tooLate(graph, planned, to, instruction);
  }
}

function tooLate(
  { dockerfile, stages }: Graph,
  planned: PlannedStage,
  to: number,
  instruction: StageInstruction,
): DockerfileError {
  const from = instruction.kind === 'copy' ? (instruction.from ?? '') : (stages[to]?.label ?? '');
  const message =
    instruction.kind === 'copy'
      ? `cannot copy from stage "${from}", it needs to be defined before current stage "${planned.label}"`
      : `cannot mount from stage "${from}", stage needs to be defined before current command`;
  return new DockerfileError(
    message,
    { source: dockerfile, range: instruction.range, instruction: instruction.keyword.toUpperCase() },
    'move the stage it reads from above this one',
  );
}
