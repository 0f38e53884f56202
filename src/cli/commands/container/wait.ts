/** `gantry wait`. */
import { segment } from '../../../client/query.ts';
import type { WaitResponse } from '../../../wire/container.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';

export const wait = defineCommand({
  usage: 'CONTAINER [CONTAINER...]',
  examples: [['wait job', 'Prints the exit code when it ends']],
  arguments: [1, anyNumber],
  flags: {},
  run: (context, { positional }) =>
    forEachArgument(context, positional, async (name) => {
      const { StatusCode } = await context.client.call<WaitResponse>(
        'POST',
        `/containers/${segment(name)}/wait`,
      );
      return String(StatusCode);
    }),
});
