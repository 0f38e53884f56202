/** `gantry inspect`: any object by name. */
import { segment } from '../../../client/query.ts';
import { EngineError, isEngineError } from '../../../errors/engine-error.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import type { Context } from '../../context.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { inspectEach, inspectFormatHelp } from '../../inspect-objects.ts';

/** Tried in this order. */
const paths: Readonly<Record<string, (name: string) => string>> = {
  container: (name) => `/containers/${segment(name)}/json`,
  image: (name) => `/images/${segment(name)}/json`,
  network: (name) => `/networks/${segment(name)}`,
  volume: (name) => `/volumes/${segment(name)}`,
};

export const inspect = defineCommand({
  usage: '[OPTIONS] NAME|ID [NAME|ID...]',
  description: 'Looks for a container, an image, a network and a volume of that name, in this order.',
  examples: [
    ['inspect web', 'Everything about it, as JSON'],
    ["inspect -f '{{.NetworkSettings.IPAddress}}' web", 'Its address'],
    ["inspect -f '{{json .Config.Env}}' web", 'One part, as JSON'],
    ['inspect --type volume data', 'Only a volume'],
  ],
  arguments: [1, anyNumber],
  flags: {
    format: text(inspectFormatHelp, { short: 'f' }),
    size: toggle('Display total file sizes if the type is container', { short: 's' }),
    type: text('Only inspect objects of the given type: container, image, network or volume'),
  },
  run: (context, { flags, positional }) => {
    const types = flags.type === '' ? Object.keys(paths) : [flags.type];
    if (flags.type !== '' && !Object.hasOwn(paths, flags.type)) {
      const known = Object.keys(paths)
        .map((type) => JSON.stringify(type))
        .join(', ');
      throw new EngineError(
        'invalid-argument',
        `unknown type: ${JSON.stringify(flags.type)}: must be one of ${known}`,
      );
    }
    return inspectEach(context, positional, flags.format, (name) =>
      inspectAny(context, types, name, flags.size),
    );
  },
});

async function inspectAny(
  context: Context,
  types: readonly string[],
  name: string,
  size: boolean,
): Promise<unknown> {
  for (const type of types) {
    try {
      const path = paths[type]?.(name) ?? '';
      return await context.client.call('GET', path, { query: { size: size && type === 'container' } });
    } catch (error) {
      const elsewhere = isEngineError(error, 'not-found') || isEngineError(error, 'invalid-argument');
      if (!elsewhere || types.length === 1) throw error;
    }
  }
  throw new EngineError('not-found', `Error: No such object: ${name}`);
}
