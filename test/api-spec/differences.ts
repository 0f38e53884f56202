/** Where Docker's answers, and so Gantry's, differ from the document of 1.51: fields of older versions, and null where Go has no value. */
import type { Problem, ProblemKind } from './validate.ts';

export interface Difference {
  kind: ProblemKind;
  places: readonly string[];
  /** Only for clients before this version. */
  before?: string;
  why: string;
}

export const differences: readonly Difference[] = [];

const byPlace = new Map<string, Difference[]>();
for (const difference of differences)
  for (const place of difference.places) byPlace.set(place, [...(byPlace.get(place) ?? []), difference]);

/** The entry that explains a problem met by a client of `version`. */
export function isKnown(problem: Problem, version: string): Difference | undefined {
  return byPlace
    .get(problem.place)
    ?.find(
      ({ kind, before }) =>
        kind === problem.kind && (before === undefined || minorOf(version) < minorOf(before)),
    );
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}
