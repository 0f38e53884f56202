/** Prints what inspect found: as JSON, or through a template. */
import type { Context } from './context.ts';
import { describeFailure } from './describe-failure.ts';
import { compileTemplate, withPrefix } from './output/format-rows.ts';
import { executeTemplate } from './template/evaluate.ts';
import { toGoValue } from './template/value.ts';

export const inspectFormatHelp =
  "Format output with a Go template, as in '{{.Config.Image}}'; 'json' for JSON in one line";

/** sysexits.h: wrong usage. */
const templateExitCode = 64;

/**
 * Fetches each of `names` and prints all that were found; then says why others failed. The exit code is 1 if any
 * failed. EngineError `invalid-argument` for a bad template.
 */
export async function inspectEach(
  context: Context,
  names: readonly string[],
  format: string,
  fetch: (name: string) => Promise<unknown>,
): Promise<number> {
  const template =
    format === '' || format === 'json'
      ? undefined
      : withPrefix('template parsing error', () => compileTemplate(format), templateExitCode);
  const results = await Promise.allSettled(names.map((name) => fetch(name)));
  const found = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const { stdout, stderr } = context.io;
  if (template !== undefined) {
    for (const document of found)
      stdout.write(
        `${withPrefix('template parsing error', () => executeTemplate(template, toGoValue(document)))}\n`,
      );
  } else if (format === 'json') {
    stdout.write(`${JSON.stringify(found)}\n`);
  } else stdout.write(`${JSON.stringify(found, null, 4)}\n`);
  const failures = results.flatMap((result): unknown[] =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  for (const failure of failures) stderr.write(await describeFailure(context, failure));
  return failures.length > 0 ? 1 : 0;
}
