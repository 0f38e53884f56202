/** The mounts of a RUN, with what they are made from. */
import type { RunInstruction } from '../dockerfile/ast.ts';
import type { StepMounts } from '../run/step-mounts.ts';
import type { BuildSession } from './build-session.ts';
import type { InstructionStep } from './stage-result.ts';

export async function planMounts(
  _session: BuildSession,
  _step: InstructionStep & { instruction: RunInstruction },
): Promise<StepMounts> {
  return {
    keyParts: [],
    cacheIds: [],
    open: async () => ({ mounts: [], targets: [], environment: [], close: async () => undefined }),
  };
}
