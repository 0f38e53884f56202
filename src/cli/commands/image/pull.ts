/** `gantry pull`. */
import { EngineError } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { text, toggle } from '../../flags/kinds.ts';
import { familiarWithTag, parseImageName } from '../../image-name.ts';
import { pullImage } from '../../pull-image.ts';
import { platformOr } from '../../user-defaults.ts';

export const pull = defineCommand({
  usage: '[OPTIONS] NAME[:TAG|@DIGEST]',
  examples: [
    ['pull alpine', 'The tag latest'],
    ['pull registry.example.com:5000/team/app:1.2', 'From another registry'],
  ],
  arguments: [1, 1],
  flags: {
    'all-tags': toggle('Download all tagged images in the repository', { short: 'a' }),
    'disable-content-trust': toggle('Skip image verification', { initial: true }),
    platform: text('Set platform if server is multi-platform capable'),
    quiet: toggle('Suppress verbose output', { short: 'q' }),
  },
  run: async (context, { flags, positional }) => {
    const name = parseImageName(positional[0] ?? '');
    const { stdout } = context.io;
    const named = name.tag !== undefined || name.digest !== undefined;
    if (flags['all-tags'] && named)
      throw new EngineError('invalid-argument', "tag can't be used with --all-tags/-a");
    if (!named && !flags['all-tags'] && !flags.quiet) stdout.write('Using default tag: latest\n');
    await pullImage(context, name, stdout, {
      platform: platformOr(context.io.env, flags.platform),
      quiet: flags.quiet,
      allTags: flags['all-tags'],
    });
    const registry = name.full.slice(0, name.full.length - name.familiar.length);
    stdout.write(`${registry}${flags['all-tags'] ? name.familiar : familiarWithTag(name)}\n`);
    return 0;
  },
});
