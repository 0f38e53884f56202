/** What a RUN executes, and how its history calls it. */
import type { RunInstruction } from '../dockerfile/ast.ts';
import { executionOf } from '../dockerfile/heredocs.ts';
import type { ArgValue } from '../dockerfile/stage-scope.ts';
import { type ImageState, shellOf } from './image-state.ts';

/** Where a here-document that is a program of its own is found. */
const scriptFolder = '/dev/pipes';

export interface RunCommand {
  args: readonly string[];
  /** A file that must be there for it. */
  script?: { path: string; name: string; content: string };
}

export function runCommand(image: ImageState, { command }: RunInstruction): RunCommand {
  const execution = executionOf(command);
  const shell = shellOf(image);
  switch (execution.kind) {
    case 'args':
      return { args: execution.args };
    case 'script':
      return { args: [...shell, execution.script] };
    case 'interpreted': {
      const path = `${scriptFolder}/${execution.name}`;
      return {
        args: [...shell, path],
        script: { path: scriptFolder, name: execution.name, content: execution.content },
      };
    }
  }
}

/** `RUN |1 A=b /bin/sh -c make # buildkit`. */
export function runHistory(args: readonly string[], declared: readonly ArgValue[]): string {
  const values = declared.map(({ name, value }) => `${name}=${value ?? ''}`);
  const prefix = values.length === 0 ? [] : [`|${values.length}`, ...values];
  return `RUN ${[...prefix, ...args].join(' ')} # buildkit`;
}
