/** What is wrong in a Dockerfile, with the place: every error of this folder that has one is a DockerfileError. */
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { excerpt } from '../../util/source-excerpt.ts';
import type { SourceRange } from './ast.ts';

/** A file with its lines, as an excerpt needs it. */
export interface SourceText {
  name: string;
  lines: readonly string[];
}

/** `details` has `file`, `line` (from 1) and, where there is one, `instruction`. The code is `invalid-argument`. */
export class DockerfileError extends EngineError {
  readonly source: SourceText;
  readonly range: SourceRange | undefined;

  constructor(
    message: string,
    place: { source: SourceText; range?: SourceRange; instruction?: string },
    hint?: string,
  ) {
    super('invalid-argument', message, {
      ...(hint === undefined ? {} : { hint }),
      details: {
        file: place.source.name,
        ...(place.range === undefined ? {} : { line: place.range.start.line }),
        ...(place.instruction === undefined ? {} : { instruction: place.instruction }),
      },
    });
    this.source = place.source;
    this.range = place.range;
  }

  /** The lines around the place, the bad ones marked; '' where the error has none. */
  get excerpt(): string {
    return this.range === undefined ? '' : renderExcerpt(this.source, [this.range]);
  }
}

/** An error of the parser, in the words of Docker: `dockerfile parse error on line N: …`. */
export function parseError(
  message: string,
  place: { source: SourceText; range: SourceRange; instruction?: string },
  hint?: string,
): DockerfileError {
  return new DockerfileError(
    `dockerfile parse error on line ${place.range.start.line}: ${message}`,
    place,
    hint,
  );
}

/** Runs `work`; an EngineError without a place in it gets one, its message and hint kept. */
export function locating<T>(
  place: { source: SourceText; range: SourceRange; instruction: string },
  work: () => T,
  wrap: typeof parseError | undefined = undefined,
): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof DockerfileError || !(error instanceof EngineError)) throw error;
    if (wrap !== undefined) throw wrap(messageOf(error), place, error.hint);
    throw new DockerfileError(error.message, place, error.hint);
  }
}

/** See `excerpt` of util/source-excerpt.ts. '' where no range is within the file. */
export function renderExcerpt(source: SourceText, ranges: readonly SourceRange[]): string {
  return excerpt(
    source,
    ranges.map(({ start, end }): [number, number] => [start.line, end.line]),
  );
}
