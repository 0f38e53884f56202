/** What a name in FROM, COPY --from and RUN --mount stands for. */

import { quoted } from '../../util/characters.ts';
import type { Dockerfile, Stage, StageInstruction } from './ast.ts';
import { DockerfileError, locating } from './errors.ts';
import { mountSource } from './mounts.ts';
import { expand } from './words.ts';

export type Source =
  | { kind: 'stage'; index: number }
  | { kind: 'image'; reference: string }
  | { kind: 'context'; name: string }
  | { kind: 'scratch' };

export interface StageNames {
  stages: readonly Stage[];
  hasContext: (name: string) => boolean;
}

/** A stage above `before` first, then `scratch`, then a named context, else an image. */
export function sourceNamed(name: string, before: number, { stages, hasContext }: StageNames): Source {
  const lower = name.toLowerCase();
  const index = stages.findLastIndex((stage) => stage.index < before && stage.name === lower);
  if (index !== -1) return { kind: 'stage', index };
  if (name === 'scratch') return { kind: 'scratch' };
  const context = contextNames(name).find(hasContext);
  return context === undefined ? { kind: 'image', reference: name } : { kind: 'context', name: context };
}

/** As written, and as short as it can be: `docker.io/library/alpine:latest` is `alpine`. */
function contextNames(name: string): string[] {
  const short = name
    .replace(/^(docker\.io|index\.docker\.io)\//, '')
    .replace(/^library\//, '')
    .replace(/:latest$/, '');
  return [name, name.replace(/:latest$/, ''), short];
}

/** The sources of one instruction; none for most. DockerfileError for an index that is no stage's, or a variable. */
export function sourcesOf(
  instruction: StageInstruction,
  stage: Stage,
  names: StageNames,
  dockerfile: Dockerfile,
): Array<Source | undefined> {
  const place = {
    source: dockerfile,
    range: instruction.range,
    instruction: instruction.keyword.toUpperCase(),
  };
  if (instruction.kind === 'copy' && instruction.from !== undefined) {
    const { from } = instruction;
    checkConstant(from, dockerfile, place);
    return [/^[+-]?[0-9]+$/.test(from) ? byIndex(from, names, place) : byName(from, stage, names)];
  }
  if (instruction.kind !== 'run') return [];
  return locating(place, () =>
    instruction.mounts.map(mountSource).map((from) => (from === '' ? undefined : byName(from, stage, names))),
  );
}

type Place = ConstructorParameters<typeof DockerfileError>[1];

function checkConstant(from: string, dockerfile: Dockerfile, place: Place): void {
  const expand1 = (): string => expand(from, () => undefined, { escape: dockerfile.directives.escape }).text;
  const isConstant = locating({ instruction: 'COPY', range: noRange, ...place }, expand1) === from;
  if (isConstant) return;
  throw new DockerfileError(
    'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
    place,
    'write FROM $NAME AS ALIAS above, and --from=ALIAS here',
  );
}

const noRange = { start: { line: 1, column: 1 }, end: { line: 1, column: 1 } };

function byIndex(from: string, { stages }: StageNames, place: Place): Source {
  const index = Number(from);
  if (index >= 0 && index < stages.length) return { kind: 'stage', index };
  throw new DockerfileError(
    `invalid stage index ${index}`,
    place,
    `the stages are counted from 0 to ${stages.length - 1}`,
  );
}

/** One above, else one that comes later, which the order then refuses; else what the name is outside of the file. */
function byName(name: string, stage: Stage, names: StageNames): Source {
  const above = sourceNamed(name, stage.index, names);
  if (above.kind === 'stage') return above;
  const later = names.stages.findIndex((one) => one.name === name.toLowerCase());
  return later === -1 ? above : { kind: 'stage', index: later };
}

/** How a message calls a stage. */
export function quotedLabel(stage: Stage | undefined): string {
  return quoted(stage?.name ?? `stage-${stage?.index ?? 0}`);
}
