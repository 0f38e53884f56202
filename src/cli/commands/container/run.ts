/** `gantry run`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { ContainerCreateRequest } from '../../../wire/container.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import {
  type CreatedContainer,
  type CreateFlags,
  createContainer,
  prepareRequest,
} from '../../create-container.ts';
import { startReportPrinter } from '../../explain.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { containerFlags, imageFlags } from '../../run-config/container-flags.ts';
import { withRunHelp } from '../../run-config/run-error.ts';
import { parseDetachKeys } from '../../terminal/detach-keys.ts';
import { requireTerminal } from '../../terminal/require-terminal.ts';
import { startAttached } from '../../terminal/start-attached.ts';
import { windowSize } from '../../terminal/window-size.ts';
import { detachKeysOr } from '../../user-defaults.ts';

const runFlags = {
  detach: toggle('Run container in background and print container ID', { short: 'd' }),
  'detach-keys': text('Override the key sequence for detaching a container'),
  explain: toggle('Show the six steps of the start: what each did and how long it took'),
  'sig-proxy': toggle('Proxy received signals to the process', { initial: true }),
} as const;

interface RunFlags extends CreateFlags {
  readonly detach: boolean;
  readonly 'detach-keys': string;
  readonly explain: boolean;
  readonly 'sig-proxy': boolean;
}

export const run = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  description:
    'Pulls the image if it is not here, creates a container from it and starts it. The exit code is that of the container: ' +
    '125 if the container could not be run, 126 if its command could not be executed, 127 if it was not found.',
  examples: [
    ['run -it --rm alpine sh', 'A shell in a container that goes when the shell ends'],
    ['run -d --name web -p 8080:80 nginx', 'A web server on port 8080 of this host'],
    ['run --rm -v "$PWD":/work -w /work node:24 npm test', 'This folder inside'],
    ['run --rm --memory 256m --cpus 1.5 busybox stress', 'With limits'],
    ['run --explain --rm busybox true', 'See what a start consists of'],
  ],
  arguments: [1, anyNumber],
  interspersed: false,
  flags: { ...runFlags, ...imageFlags, ...containerFlags },
  run: async (context, { flags, positional }) => {
    const [image = '', ...command] = positional;
    checkFlags(context, flags);
    const created = await withRunHelp('run', () =>
      createContainer(
        context,
        flags,
        image,
        adjustRequest(prepareRequest(context, flags, image, command), flags),
      ),
    );
    return flags.detach && created.request.AttachStdout !== true
      ? startDetached(context, flags, created)
      : runAttached(context, flags, created);
  },
});

function checkFlags(context: Context, flags: RunFlags): void {
  if (flags['detach-keys'] !== '') parseDetachKeys(flags['detach-keys']);
  if (flags.detach && flags.attach.length > 0) {
    const message = 'conflicting options: cannot specify both --attach and --detach';
    throw new EngineError('invalid-argument', message);
  }
  if (!flags.detach && flags.tty && flags.interactive) requireTerminal(context.io);
}

/** What only run knows: nothing is attached to a container in the background, and a terminal has a size. */
function adjustRequest(request: ContainerCreateRequest, flags: RunFlags): ContainerCreateRequest {
  const size = flags.tty ? windowSize() : undefined;
  const consoleSize: [number, number] = size === undefined ? [0, 0] : [size.height, size.width];
  const sized = { ...request, HostConfig: { ...request.HostConfig, ConsoleSize: consoleSize } };
  if (!flags.detach) return sized;
  return { ...sized, AttachStdin: false, AttachStdout: false, AttachStderr: false, StdinOnce: false };
}

async function startDetached(context: Context, flags: RunFlags, created: CreatedContainer): Promise<number> {
  const { client, io } = context;
  const begin = performance.now();
  await withRunHelp('run', () => client.call('POST', `/containers/${segment(created.id)}/start`), true);
  if (flags.explain) await startReportPrinter(context, created, begin)();
  io.stdout.write(`${created.id}\n`);
  return 0;
}

function runAttached(context: Context, flags: RunFlags, created: CreatedContainer): Promise<number> {
  const { request, id } = created;
  const options = {
    stdin: request.AttachStdin === true,
    stdout: request.AttachStdout === true,
    stderr: request.AttachStderr === true,
    tty: flags.tty,
    detachKeys: detachKeysOr(context, flags['detach-keys']),
    proxySignals: flags['sig-proxy'],
    autoRemove: flags.rm,
    ...(flags.explain ? { started: startReportPrinter(context, created, performance.now()) } : {}),
  };
  return withRunHelp('run', () => startAttached(context, id, options), true);
}
