/** `gantry context show`. */
import { defineCommand } from '../../command.ts';

export const show = defineCommand({
  usage: '',
  arguments: [0, 0],
  flags: {},
  run: async ({ daemon, io }) => {
    io.stdout.write(`${daemon.contextName}\n`);
    return 0;
  },
});
