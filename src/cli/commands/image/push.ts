/** `gantry push`. */
import { segment } from '../../../client/query.ts';
import { EngineError } from '../../../errors/engine-error.ts';
import type { ProgressMessage } from '../../../wire/progress-message.ts';
import { defineCommand } from '../../command.ts';
import { registryAuthHeader } from '../../credentials/registry-auth.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { type ImageName, parseImageName } from '../../image-name.ts';
import { ProgressDisplay } from '../../output/progress.ts';
import { platformQuery } from '../../platform-query.ts';

export const push = defineCommand({
  usage: '[OPTIONS] NAME[:TAG]',
  examples: [
    ['push registry.example.com:5000/team/app:1.2', 'One tag'],
    ['push -a registry.example.com:5000/team/app', 'All tags of that name'],
  ],
  arguments: [1, 1],
  flags: {
    'all-tags': toggle('Push all tags of an image to the repository', { short: 'a' }),
    'disable-content-trust': toggle('Skip image signing', { initial: true }),
    platform: text('Push only this platform of an image that has several, as in linux/arm64'),
    quiet: toggle('Suppress verbose output', { short: 'q' }),
  },
  run: async (context, { flags, positional }) => {
    const all = flags['all-tags'];
    const { name, tag } = pushedName(parseImageName(positional[0] ?? ''), all);
    const { stdout } = context.io;
    if (name.tag === undefined && !all && !flags.quiet) stdout.write('Using default tag: latest\n');
    const query = { platform: platformQuery(flags.platform), tag };
    const headers = registryAuthHeader(context, name.full);
    const path = `/images/${segment(name.full)}/push`;
    const display = new ProgressDisplay(stdout);
    for await (const message of context.client.documents<ProgressMessage>('POST', path, { query, headers })) {
      if (!flags.quiet || message.error !== undefined || message.errorDetail !== undefined)
        display.show(message);
    }
    if (flags.quiet) stdout.write(`${all ? name.familiar : `${name.familiar}:${tag}`}\n`);
    return 0;
  },
});

function pushedName(name: ImageName, all: boolean): { name: ImageName; tag: string } {
  if (name.digest !== undefined) throw new EngineError('invalid-argument', 'cannot push a digest reference');
  if (!all) return { name, tag: name.tag ?? 'latest' };
  if (name.tag !== undefined) {
    throw new EngineError('invalid-argument', "tag can't be used with --all-tags/-a");
  }
  return { name, tag: '' };
}
