/** `gantry create`. */
import { anyNumber, defineCommand } from '../../command.ts';
import { createContainer, prepareRequest } from '../../create-container.ts';
import { containerFlags, imageFlags } from '../../run-config/container-flags.ts';
import { withRunHelp } from '../../run-config/run-error.ts';

export const create = defineCommand({
  usage: '[OPTIONS] IMAGE [COMMAND] [ARG...]',
  description: 'Like gantry run -d, but the container is not started.',
  examples: [['create --name web -p 8080:80 nginx', 'Then: gantry start web']],
  arguments: [1, anyNumber],
  interspersed: false,
  flags: { ...imageFlags, ...containerFlags },
  run: async (context, { flags, positional }) => {
    const [image = '', ...command] = positional;
    const request = await withRunHelp('create', () => prepareRequest(context, flags, image, command));
    const { id } = await createContainer(context, flags, image, request);
    context.io.stdout.write(`${id}\n`);
    return 0;
  },
});
