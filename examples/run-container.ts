/** Runs a command in a container and shows what it says: `node run-container.ts IMAGE COMMAND [ARG...]`. */
import { createClient, isEngineError } from 'gantry/client';

const [image = 'busybox', ...command] = process.argv.slice(2);
const client = createClient();
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort(new Error('interrupted')));

try {
  const { exitCode } = await client.containers.run(
    { Image: image, Cmd: command.length === 0 ? ['date'] : command },
    {
      signal: interrupted.signal,
      onOutput: ({ stream, data }) => process[stream].write(data),
    },
  );
  process.exitCode = exitCode;
} catch (error) {
  if (!isEngineError(error)) throw error;
  console.error(`${error.code}${error.status === undefined ? '' : ` (${error.status})`}: ${error.message}`);
  if (error.hint !== undefined) console.error(error.hint);
  process.exitCode = 125;
}
