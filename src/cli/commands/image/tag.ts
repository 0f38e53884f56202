/** `gantry tag`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { parseImageName } from '../../image-name.ts';

export const tag = defineCommand({
  usage: 'SOURCE_IMAGE[:TAG] TARGET_IMAGE[:TAG]',
  examples: [['tag app registry.example.com/team/app:1.2', 'A further name, to push it by']],
  arguments: [2, 2],
  flags: {},
  run: async ({ client }, { positional }) => {
    const [source = '', target = ''] = positional;
    const name = parseTarget(target);
    if (name.digest !== undefined) {
      throw new EngineError('invalid-argument', 'refusing to create a tag with a digest reference');
    }
    const query = { repo: name.familiar, tag: name.tag ?? 'latest' };
    await client.call('POST', `/images/${segment(source)}/tag`, { query });
    return 0;
  },
});

function parseTarget(target: string) {
  try {
    return parseImageName(target);
  } catch (error) {
    throw new EngineError(
      'invalid-argument',
      `Error parsing reference: ${JSON.stringify(target)} is not a valid repository/tag: ${error instanceof Error ? error.message : ''}`,
      { cause: error },
    );
  }
}
