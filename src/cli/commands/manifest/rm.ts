/** `gantry manifest rm`. */
import { anyNumber, defineCommand } from '../../command.ts';
import { forEachArgument } from '../../each-argument.ts';
import { fullWithTag, parseManifestName } from '../../manifests/manifest-reference.ts';
import { ManifestStore } from '../../manifests/manifest-store.ts';

export const rm = defineCommand({
  usage: 'MANIFEST_LIST [MANIFEST_LIST...]',
  description: 'Forgets lists on this host; what was pushed stays in its registry.',
  examples: [['manifest rm r.example/app:1', 'Begin anew']],
  arguments: [1, anyNumber],
  flags: {},
  run: (context, { positional }) => {
    const store = new ManifestStore(context.configFolder);
    return forEachArgument(context, positional, async (text) => {
      const listRef = fullWithTag(parseManifestName(text));
      store.list(listRef);
      store.remove(listRef);
      return '';
    });
  },
});
