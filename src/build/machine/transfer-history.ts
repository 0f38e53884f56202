/** How the history of an image calls COPY and ADD. */
import type { AddInstruction, CopyInstruction } from '../dockerfile/ast.ts';

export function transferHistory(instruction: AddInstruction | CopyInstruction): string {
  const words = [
    instruction.kind === 'add' ? 'ADD' : 'COPY',
    ...(instruction.kind === 'copy' && instruction.parents ? ['--parents'] : []),
    ...(instruction.chown === undefined ? [] : [`--chown=${instruction.chown}`]),
    ...(instruction.chmod === undefined ? [] : [`--chmod=${instruction.chmod}`]),
    ...instruction.sources,
    ...instruction.files.map(({ name }) => `<<${name}`),
    instruction.destination,
    '# buildkit',
  ];
  return words.join(' ');
}
