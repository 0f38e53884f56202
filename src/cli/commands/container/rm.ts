/** `gantry rm`. */
import { segment } from '../../../client/query.ts';
import { isEngineError } from '../../../errors/engine-error.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { toggle } from '../../flags/kinds.ts';

export const rm = defineCommand({
  usage: '[OPTIONS] CONTAINER [CONTAINER...]',
  examples: [
    ['rm web', 'Remove a container that has ended'],
    ['rm -fv web', 'Kill it if it runs, and remove its anonymous volumes too'],
  ],
  arguments: [1, anyNumber],
  flags: {
    force: toggle('Force the removal of a running container (uses SIGKILL)', { short: 'f' }),
    link: toggle('Remove the specified link', { short: 'l' }),
    volumes: toggle('Remove anonymous volumes associated with the container', { short: 'v' }),
  },
  run: (context, { flags, positional }) =>
    forEachArgument(context, positional, async (name) => {
      const query = { force: flags.force, link: flags.link, v: flags.volumes };
      const path = `/containers/${segment(name.replace(/^\/+|\/+$/g, ''))}`;
      try {
        return await context.client.call('DELETE', path, { query });
      } catch (error) {
        // With --force a container that isn't there is as good as removed; docker says so and goes on.
        if (!flags.force || !isEngineError(error, 'not-found')) throw error;
        context.io.stderr.write(`${error.message}\n`);
        return '';
      }
    }),
});
