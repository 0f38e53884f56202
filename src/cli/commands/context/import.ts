/** `gantry context import`. */
import { createReadStream } from 'node:fs';
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { readArchive, unpackContext } from '../../context-archive.ts';
import { ContextStore, checkContextName } from '../../context-store.ts';
import { openInput } from '../../open-input.ts';

export const importContext = defineCommand({
  usage: 'CONTEXT FILE|-',
  arguments: [2, 2],
  flags: {},
  run: async ({ configFolder, io }, { positional }) => {
    const [name = '', file = ''] = positional;
    checkContextName(name);
    const store = new ContextStore(configFolder);
    if (store.has(name)) throw new EngineError('conflict', `context "${name}" already exists`);
    const input = file === '-' ? io.stdin.open() : await openInput(file, (path) => createReadStream(path));
    await unpackContext(store, name, await readArchive(input));
    io.stdout.write(`${name}\n`);
    io.stderr.write(`Successfully imported context "${name}"\n`);
    return 0;
  },
});
