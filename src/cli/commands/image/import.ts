/** `gantry import`. */
import { createReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { ProgressMessage } from '../../../wire/progress-message.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { list, text } from '../../flags/kinds.ts';
import { parseImageName } from '../../image-name.ts';
import type { Io } from '../../io.ts';
import { openInput } from '../../open-input.ts';
import { ProgressDisplay } from '../../output/progress.ts';
import { platformOr } from '../../user-defaults.ts';

export const importImage = defineCommand({
  usage: '[OPTIONS] file|URL|- [REPOSITORY[:TAG]]',
  examples: [
    ['import rootfs.tar.gz mine:1.0', 'An image of one layer from a tar'],
    ['import -c \'CMD ["sh"]\' - mine < rootfs.tar', 'With a default command, from stdin'],
  ],
  arguments: [1, anyNumber],
  flags: {
    change: list('Apply Dockerfile instruction to the created image', { short: 'c' }),
    message: text('Set commit message for imported image', { short: 'm' }),
    platform: text('Set platform if server is multi-platform capable'),
  },
  run: async ({ client, io }, { flags, positional }) => {
    const [source = '', reference = ''] = positional;
    if (reference !== '') parseImageName(reference);
    const isUrl = /^https?:\/\//.test(source);
    const query = {
      fromSrc: isUrl ? source : '-',
      ...splitReference(reference),
      message: flags.message,
      changes: flags.change,
      platform: platformOr(io.env, flags.platform),
    };
    const body = isUrl
      ? {}
      : { stream: await openSource(source, io), headers: { 'Content-Type': 'application/x-tar' } };
    const display = new ProgressDisplay(io.stdout);
    for await (const message of client.documents<ProgressMessage>('POST', '/images/create', {
      query,
      ...body,
    })) {
      display.show(message);
    }
    return 0;
  },
});

function openSource(source: string, io: Io): Promise<Readable> {
  return source === '-'
    ? Promise.resolve(io.stdin.open())
    : openInput(source, (path) => createReadStream(path));
}

function splitReference(reference: string): { repo: string; tag: string } {
  const colon = reference.lastIndexOf(':');
  if (colon < 0 || reference.indexOf('/', colon) >= 0) return { repo: reference, tag: '' };
  return { repo: reference.slice(0, colon), tag: reference.slice(colon + 1) };
}
