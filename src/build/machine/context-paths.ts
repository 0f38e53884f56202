/** What of the build context the instructions of a plan read. */
import type { StageInstruction } from '../dockerfile/ast.ts';
import { kindOfSource } from '../dockerfile/source-kind.ts';
import type { StagePlan } from '../dockerfile/stage-plan.ts';

/** Paths and patterns, as a client may be asked for them; undefined for everything, where that is needed or can't be told yet. */
export function contextPaths(plan: StagePlan): string[] | undefined {
  const paths = new Set<string>();
  for (const index of plan.needed) {
    const planned = plan.stages[index];
    for (const instruction of planned?.instructions ?? []) {
      const read = pathsOf(instruction);
      if (read === undefined) return undefined;
      for (const path of read) paths.add(path);
    }
  }
  return [...paths].toSorted();
}

function pathsOf(instruction: StageInstruction): string[] | undefined {
  switch (instruction.kind) {
    case 'run':
      // Values of mounts may hold variables: what is read from the context is known only then.
      return instruction.mounts.every((mount) => !readsContext(mount)) ? [] : undefined;
    case 'copy':
      return instruction.from === undefined ? localPaths(instruction.sources) : [];
    case 'add':
      return localPaths(instruction.sources);
    default:
      return [];
  }
}

function readsContext(mount: string): boolean {
  const isBind = !/(^|,)\s*type=/i.test(mount) || /(^|,)\s*type=["']?bind/i.test(mount);
  return isBind && !/(^|,)\s*["']?from=/i.test(mount);
}

function localPaths(sources: readonly string[]): string[] | undefined {
  const local = sources.filter((source) => kindOfSource(source) === 'local');
  const clean = local.map((source) => source.replace(/^\/+/, '').replace(/\/+$/, ''));
  const isPlain = (path: string): boolean =>
    path !== '' && path !== '.' && !/[$\\]|(^|\/)\.\.?(\/|$)/.test(path);
  return clean.every(isPlain) ? clean : undefined;
}
