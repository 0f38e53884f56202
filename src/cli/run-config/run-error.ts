/** Exit codes and texts of a container that could not be created or started. */
import { EngineError, isEngineError, messageOf } from '../../errors/engine-error.ts';

/**
 * Runs `action`; its errors get docker's form "gantry: …, Run 'gantry run --help' …" and the exit code 125, or with
 * `starting` 127 for a command that isn't there and 126 for one that can't be executed.
 */
export async function withRunHelp<T>(
  command: string,
  action: () => T | Promise<T>,
  starting = false,
): Promise<T> {
  try {
    return await action();
  } catch (error) {
    // Nobody reads the output any more, or the user broke off: nothing to explain.
    if (isEngineError(error, 'cancelled')) throw error;
    const message = messageOf(error);
    const exitCode = starting ? startExitCode(message) : 125;
    const hint = isEngineError(error) && error.hint !== undefined ? `\n${error.hint}` : '';
    throw new EngineError(
      isEngineError(error) ? error.code : 'internal',
      `gantry: ${message}${hint}\n\nRun 'gantry ${command} --help' for more information`,
      { cause: error, details: { exitCode } },
    );
  }
}

function startExitCode(message: string): number {
  if (
    /executable file not found|no such file or directory|system cannot find the file specified/i.test(message)
  )
    return 127;
  return /permission denied|is a directory/i.test(message) ? 126 : 125;
}
