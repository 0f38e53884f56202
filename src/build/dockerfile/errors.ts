/** What is wrong in a Dockerfile, with the place: every error of this folder that has one is a DockerfileError. */
import { EngineError, messageOf } from '../../errors/engine-error.ts';
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

const rule = '-'.repeat(20);

/**
 * The lines of `ranges` with a few around them, numbered, theirs marked with `>>>`, in the form that Docker's
 * clients print; each line ends with a line feed. '' where no range is within the file.
 */
export function renderExcerpt(source: SourceText, ranges: readonly SourceRange[]): string {
  const first = Math.min(...ranges.map((range) => range.start.line));
  const last = Math.min(Math.max(...ranges.map((range) => range.end.line)), source.lines.length);
  if (ranges.length === 0 || first < 1 || first > source.lines.length) return '';
  const window = withNeighbours(first, last, source.lines.length);
  const marked = (line: number): boolean =>
    ranges.some((range) => range.start.line <= line && line <= range.end.line);
  const rows = source.lines.slice(window.from - 1, window.to).map((text, index) => {
    const line = window.from + index;
    return ` ${String(line).padStart(3)} | ${marked(line) ? '>>>' : '   '} ${text}\n`;
  });
  return `${source.name}:${first}\n${rule}\n${rows.join('')}${rule}\n`;
}

/** Four lines around one, two around several; fewer at the ends of the file (buildkit, solver/errdefs). */
function withNeighbours(first: number, last: number, count: number): { from: number; to: number } {
  const wanted = first === last ? 4 : 2;
  let from = first;
  let to = last;
  for (let padded = 0; padded < wanted; padded += 1) {
    if (from > 1) {
      from -= 1;
      padded += 1;
    }
    if (to < count) {
      to += 1;
      padded += 1;
    }
  }
  return { from, to };
}
