/** Prints what inspect found: as JSON, or through a template. */
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import type { Context } from './context.ts';
import { describeError } from './exit-code.ts';
import { compileTemplate } from './output/format-rows.ts';
import { executeTemplate } from './template/evaluate.ts';
import { toGoValue } from './template/value.ts';

export const inspectFormatHelp =
  "Format output with a Go template, as in '{{.Config.Image}}'; 'json' for one line each";

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
  const template = format === '' || format === 'json' ? undefined : withPrefix(() => compileTemplate(format));
  const results = await Promise.allSettled(names.map((name) => fetch(name)));
  const found = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const { stdout, stderr } = context.io;
  if (template !== undefined) {
    for (const document of found)
      stdout.write(`${withPrefix(() => executeTemplate(template, toGoValue(document)))}\n`);
  } else if (format === 'json') {
    for (const document of found) stdout.write(`${JSON.stringify(document)}\n`);
  } else stdout.write(`${JSON.stringify(found, null, 4)}\n`);
  const failures = results.flatMap((result): unknown[] =>
    result.status === 'rejected' ? [result.reason] : [],
  );
  for (const failure of failures) stderr.write(describeError(failure, context.debug));
  return failures.length > 0 ? 1 : 0;
}

function withPrefix<T>(action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw new EngineError('invalid-argument', `template parsing error: ${error.message}`, { cause: error });
  }
}
