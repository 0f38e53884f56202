/** What `gantry build` says at the end: warnings, what failed and where, and how to look into it. */
import { EngineError } from '../../errors/engine-error.ts';
import { excerpt } from '../../util/source-excerpt.ts';
import type { WireWarning } from '../../wire/build-session.ts';
import type { ProgressModel, StepView } from './progress-model.ts';
import type { BuildFailure } from './session.ts';

/** Lines of a failed step's output that are shown once more. */
const shownLines = 10;

/** '' where there are none. */
export function warningsText(warnings: readonly WireWarning[]): string {
  if (warnings.length === 0) return '';
  const count = `${warnings.length} warning${warnings.length === 1 ? '' : 's'} found`;
  const lines = warnings.map(({ rule, message, lines: [line] }) => ` - ${rule}: ${message} (line ${line})\n`);
  return `\n ${count} (use --check to see more):\n${lines.join('')}`;
}

/** Of `--check`: each with its place. */
export function checkText(warnings: readonly WireWarning[]): string {
  if (warnings.length === 0) return 'Check complete, no warnings found.\n';
  const count =
    warnings.length === 1 ? '1 warning has been found!' : `${warnings.length} warnings have been found!`;
  return `Check complete, ${count}\n${warnings.map(oneWarning).join('')}`;
}

function oneWarning({ rule, url, message, detail, fileName, source, lines }: WireWarning): string {
  const place = excerpt({ name: fileName, lines: linesOf(source) }, [lines]);
  const link = url === '' ? '' : ` - ${url}`;
  const more = detail === '' || detail === message ? '' : `${detail}\n`;
  return `\nWARNING: ${rule}${link}\n${more}${message}\n${place}`;
}

/** The failed step's last output, and the Dockerfile's lines. */
export function failureText(
  error: BuildFailure,
  model: ProgressModel,
  dockerfile: string | undefined,
  name: string,
): string {
  const step = model.step(error.failure.vertex);
  const output = step === undefined ? '' : outputOf(step);
  const lines = step?.vertex.lines;
  const place =
    error.failure.excerpt ??
    (lines === undefined || dockerfile === undefined
      ? ''
      : excerpt({ name, lines: linesOf(dockerfile) }, [lines]));
  return output + place;
}

function outputOf({ vertex, lines }: StepView): string {
  if (lines.length === 0) return '';
  const start = vertex.startedAt ?? 0;
  const shown = lines
    .slice(-shownLines)
    .map(({ text, at }) => `${((at - start) / 1000).toFixed(3)} ${text}\n`);
  return `------\n > ${vertex.name}:\n${shown.join('')}------\n`;
}

/** The error for the end of the program: in BuildKit's words, with the way into the step where there is one. */
export function finalError(error: BuildFailure, buildId: string): EngineError {
  const isStep = error.failure.details?.['exitCode'] !== undefined;
  const hint = isStep ? `To look into it: gantry build shell ${buildId}` : sentence(error.hint);
  return new EngineError(error.code, `ERROR: failed to build: failed to solve: ${error.message}`, {
    cause: error,
    ...(hint === undefined ? {} : { hint }),
  });
}

function linesOf(source: string): string[] {
  return source.replace(/\n$/, '').split('\n');
}

function sentence(hint: string | undefined): string | undefined {
  return hint === undefined ? undefined : `${hint.charAt(0).toUpperCase()}${hint.slice(1)}`;
}
