/** `gantry cp`. */
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { copyFromContainer } from '../../copy/copy-from.ts';
import { splitArgument } from '../../copy/copy-paths.ts';
import { copyToContainer } from '../../copy/copy-to.ts';
import { toggle } from '../../flags/kinds.ts';

export const cp = defineCommand({
  usage: '[OPTIONS] CONTAINER:SRC_PATH DEST_PATH|-\n\tgantry cp [OPTIONS] SRC_PATH|- CONTAINER:DEST_PATH',
  description:
    "'-' as the source reads a tar archive from STDIN and extracts it in a directory of the container; '-' as the destination writes a tar archive to STDOUT. The container need not run.",
  examples: [
    ['cp web:/var/log/nginx .', 'A directory out of a container'],
    ['cp site/. web:/srv/www', 'What is in a directory, into one of the container'],
    ['cp web:/etc - | tar t', 'As a tar archive'],
  ],
  arguments: [2, 2],
  flags: {
    archive: toggle('Archive mode (copy all uid/gid information)', { short: 'a' }),
    'follow-link': toggle('Always follow symbol link in SRC_PATH', { short: 'L' }),
    quiet: toggle(
      'Suppress progress output during copy. Progress output is automatically suppressed if no terminal is attached',
      { short: 'q' },
    ),
  },
  run: async (context, { flags, given, positional: [from = '', to = ''] }) => {
    if (from === '') throw new EngineError('invalid-argument', 'source can not be empty');
    if (to === '') throw new EngineError('invalid-argument', 'destination can not be empty');
    const [source, destination] = [splitArgument(from), splitArgument(to)];
    const options = {
      archive: flags.archive,
      followLink: flags['follow-link'],
      quiet: given.has('quiet') ? flags.quiet : !context.io.stdout.isTerminal,
    };
    if (source.container !== '' && destination.container !== '')
      throw new EngineError('invalid-argument', 'copying between containers is not supported');
    if (source.container !== '')
      await copyFromContainer(context, source.container, source.path, destination.path, options);
    else if (destination.container !== '')
      await copyToContainer(context, source.path, destination.container, destination.path, options);
    else throw new EngineError('invalid-argument', 'must specify at least one container source');
    return 0;
  },
});
