/** `gantry save`. */
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { EngineError } from '../../../errors/engine-error.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { text } from '../../flags/kinds.ts';

export const save = defineCommand({
  usage: '[OPTIONS] IMAGE [IMAGE...]',
  examples: [['save -o images.tar alpine busybox', 'Two images in one archive, for gantry load']],
  arguments: [1, anyNumber],
  flags: {
    output: text('Write to a file, instead of STDOUT', { short: 'o' }),
    platform: text('Save only the given platform variant, as in linux/arm64'),
  },
  run: async ({ client, io }, { flags, positional }) => {
    if (flags.output === '' && io.stdout.isTerminal) {
      throw new EngineError(
        'invalid-argument',
        'cowardly refusing to save to a terminal. Use the -o flag or redirect',
      );
    }
    const query = { names: positional, platform: flags.platform };
    const response = await client.open('GET', '/images/get', { query });
    if (flags.output === '') {
      for await (const chunk of response.body) await io.stdout.send(chunk);
      return 0;
    }
    const temporary = `${flags.output}.partial-${process.pid}`;
    try {
      await pipeline(response.body, createWriteStream(temporary, { mode: 0o600 }));
      await rename(temporary, flags.output);
    } catch (error) {
      await rm(temporary, { force: true });
      throw error;
    }
    return 0;
  },
});
