/** Opens all trees that an operation reads from, each once. */
import type { OpenSource } from './files-messages.ts';
import type { CopySource, FileTree } from './files-types.ts';
import type { OpenTree, OpenTrees } from './open-trees.ts';

export interface OpenSources {
  sources: OpenSource[];
  release(): Promise<void>;
}

/** Whoever opens them releases them. */
export async function openSources(trees: OpenTrees, sources: readonly CopySource[]): Promise<OpenSources> {
  const open = new Map<string, OpenTree>();
  const release = async (): Promise<void> => {
    await Promise.all([...open.values()].map((one) => one.release()));
  };
  try {
    const opened: OpenSource[] = [];
    for (const source of sources) {
      if (source.kind === 'inline') opened.push(source);
      else {
        const key = keyOfTree(source.tree);
        const tree = open.get(key) ?? (await trees.read(source.tree));
        open.set(key, tree);
        const { patterns, ignore = [], digest } = source;
        const keepOwners = source.tree.kind === 'layers';
        opened.push({ kind: 'files', root: tree.root, keepOwners, patterns, ignore, digest });
      }
    }
    return { sources: opened, release };
  } catch (error) {
    await release();
    throw error;
  }
}

export function keyOfTree(tree: FileTree): string {
  return JSON.stringify(tree.kind === 'layers' ? tree.trees : tree.root);
}
