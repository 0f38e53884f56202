/** The digest of all that a COPY or ADD would read: names, types, modes, owners, attributes, links, content; never times. For a worker thread. */
import { createHash, type Hash } from 'node:crypto';
import { type BigIntStats, closeSync, readSync } from 'node:fs';
import { release } from '../../engine/archive/view-tree.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { Attributes } from '../../snapshots/archive/archive-messages.ts';
import { baseOf } from '../../snapshots/layer-tree.ts';
import type { DigestCache } from './digest-cache.ts';
import type { OpenedSource, Selection } from './files-messages.ts';
import { type Selected, SourceTree } from './select-sources.ts';
import { filterOf } from './source-filter.ts';
import { type ReadAttributes, type SourceEntry, walkSelected } from './walk-source.ts';

const chunk = Buffer.allocUnsafeSlow(256 * 1024);

export interface DigestHelpers {
  readAttributes: ReadAttributes;
  cache: DigestCache | undefined;
}

/** `sha256:…`. */
export function digestOf(selection: Selection, helpers: DigestHelpers): string {
  const hash = createHash('sha256');
  helpers.cache?.load();
  for (const source of selection.sources) {
    if (source.kind === 'inline') record(hash, ['inline', source.name, source.content]);
    else if (source.digest !== undefined) record(hash, ['fetched', source.digest, ...source.patterns]);
    else new SourceDigest(source, selection, helpers, hash).run();
  }
  helpers.cache?.save();
  return `sha256:${hash.digest('hex')}`;
}

type Field = string | Uint8Array | bigint;

/** Each field with its length: no two records look alike. Strings are bytes as `latin1`, or have been so all along. */
function record(hash: Hash, fields: readonly Field[]): void {
  const parts = fields.map((field) => (typeof field === 'object' ? field : Buffer.from(String(field))));
  hash.update(`${parts.map(({ length }) => length).join(',')};`);
  for (const part of parts) hash.update(part);
}

class SourceDigest {
  readonly #tree: SourceTree;
  readonly #selection: Selection;
  readonly #helpers: DigestHelpers;
  readonly #hash: Hash;

  constructor(source: OpenedSource, selection: Selection, helpers: DigestHelpers, hash: Hash) {
    this.#tree = new SourceTree(source);
    this.#selection = selection;
    this.#helpers = helpers;
    this.#hash = hash;
  }

  run(): void {
    try {
      const exclude = filterOf(this.#selection.exclude);
      const { readAttributes, cache } = this.#helpers;
      const isKnown = (stats: BigIntStats): boolean => stats.isFile() && cache?.find(stats) !== undefined;
      const options = { source: this.#tree, exclude, readAttributes, isKnown };
      for (const selected of this.#tree.select(this.#selection.parents)) {
        try {
          this.#selected(selected);
          walkSelected(selected, options, (entry) => this.#entry(entry, selected));
        } finally {
          release(selected.located);
        }
      }
    } finally {
      this.#tree.close();
    }
  }

  #selected({ isDirectory, kept, path }: Selected): void {
    record(this.#hash, ['source', isDirectory ? 'd' : 'f', kept ?? (isDirectory ? '' : baseOf(path))]);
    const parts = (kept ?? '').split('/').slice(0, -1);
    const above = path.slice(0, path.length - (kept?.length ?? 0));
    for (const [index] of parts.entries()) {
      const located = this.#tree.tree.locate(`${above}${parts.slice(0, index + 1).join('/')}`, true);
      const { stats } = located;
      if (stats !== undefined && located.name === undefined) this.#metadata('parent', stats, []);
      release(located);
    }
  }

  #entry(entry: SourceEntry, { kept, isDirectory }: Selected): void {
    const { relative, stats } = entry;
    // Of a folder whose content is copied, nothing of its own is.
    if (relative === '' && isDirectory && kept === undefined) return;
    this.#metadata(relative, stats, this.#contentOf(entry));
  }

  #metadata(name: string, stats: BigIntStats, content: readonly Field[]): void {
    const { keepOwners } = this.#tree.source;
    // Nobody can change a link's mode.
    const mode = stats.isSymbolicLink() ? stats.mode & 0o170000n : stats.mode;
    const owner = keepOwners ? [stats.uid, stats.gid] : [];
    record(this.#hash, [name, mode, ...owner, ...content]);
  }

  #contentOf(entry: SourceEntry): Field[] {
    const { stats, directory, name, attributes } = entry;
    if (stats.isDirectory()) return attributeFields(attributes);
    if (stats.isSymbolicLink()) return [directory.readLink(name) ?? ''];
    if (stats.isFile()) return [this.#fileDigest(entry)];
    return [stats.isFIFO() ? 0n : stats.rdev];
  }

  #fileDigest({ stats, directory, name, attributes }: SourceEntry): string {
    const { cache } = this.#helpers;
    const known = cache?.find(stats);
    if (known !== undefined) return known;
    const node = directory.openNode(name);
    if (node?.descriptor === undefined)
      throw new EngineError('conflict', `${name} was changed while it was read`, { hint: 'build again' });
    const hash = createHash('sha256');
    record(hash, attributeFields(attributes));
    try {
      for (let at = 0; ; ) {
        const length = readSync(node.descriptor, chunk, 0, chunk.length, at);
        if (length === 0) break;
        hash.update(chunk.subarray(0, length));
        at += length;
      }
    } finally {
      closeSync(node.descriptor);
    }
    const digest = hash.digest('hex');
    // Read while it changed, it is as old as when its attributes were.
    if (stats.ctimeNs === node.stats.ctimeNs) cache?.add(stats, digest);
    return digest;
  }
}

function attributeFields(attributes: Attributes): Field[] {
  return [...(attributes ?? [])].sort(([one], [other]) => (one < other ? -1 : 1)).flat();
}
