/** COPY and ADD: what they read, what their result depends on, and how their layer is filled. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { EngineError } from '../../errors/engine-error.ts';
import type { LayerDraft } from '../../snapshots/layer-drafts.ts';
import { findLayered } from '../../snapshots/layered-lookup.ts';
import type { KeyParts } from '../cache/cache-key.ts';
import type { AddInstruction, CopyInstruction } from '../dockerfile/ast.ts';
import { fromWorkdir, type ImageState } from './image-state.ts';

export interface Transfer {
  parts: KeyParts;
  fill: (draft: LayerDraft, lower: readonly string[]) => Promise<void>;
}

/** `trees`: what the sources are in, top first. */
export async function prepareTransfer(
  instruction: CopyInstruction | AddInstruction,
  image: ImageState,
  trees: readonly string[],
): Promise<Transfer> {
  const destination = fromWorkdir(image, instruction.destination);
  const found = instruction.sources.map((source) => {
    const entry = findLayered(trees, source);
    if (entry === undefined)
      throw new EngineError('not-found', `failed to compute cache key: "/${source}": not found`);
    return entry;
  });
  const isDirectory =
    instruction.destination.endsWith('/') || instruction.destination === '.' || found.length > 1;
  return {
    parts: {
      command: { destination, chown: instruction.chown, chmod: instruction.chmod },
      files: Object.fromEntries(found.map((entry) => [entry.path, digestTree(entry.hostPath)])),
      inline: instruction.files.map(({ name, content }) => [name, content]),
    },
    fill: async (draft) => {
      for (const entry of found) {
        const asDirectory = isDirectory && !entry.stats.isDirectory();
        const target = join(draft.upper, destination, asDirectory ? posix.basename(entry.path) : '');
        await mkdir(posix.dirname(target), { recursive: true });
        await cp(entry.hostPath, target, { recursive: true, preserveTimestamps: true });
      }
      for (const { name, content } of instruction.files) {
        const target = join(draft.upper, destination, isDirectory ? name : '');
        await mkdir(posix.dirname(target), { recursive: true });
        await writeFile(target, content);
      }
    },
  };
}

function digestTree(path: string): string {
  const stats = lstatSync(path);
  const hash = createHash('sha256').update(String(stats.mode));
  if (stats.isFile()) hash.update(readFileSync(path));
  if (stats.isDirectory())
    for (const name of readdirSync(path).toSorted())
      hash.update(`${name}\0${digestTree(join(path, name))}\0`);
  return hash.digest('hex');
}
