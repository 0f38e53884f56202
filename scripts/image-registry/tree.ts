/** A file tree in memory, and its tar: the same files give the same bytes, whenever and wherever it is made. */

import { posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pack } from 'tar-stream';

interface Node {
  type: 'file' | 'directory' | 'symlink';
  mode: number;
  data?: Buffer;
  link?: string;
}

export class Tree {
  readonly #nodes = new Map<string, Node>();

  has(path: string): boolean {
    return this.#nodes.has(path);
  }

  file(path: string, data: Buffer | string, mode = 0o644): void {
    this.#parents(path);
    this.#nodes.set(path, { type: 'file', mode, data: Buffer.from(data) });
  }

  link(path: string, target: string): void {
    this.#parents(path);
    this.#nodes.set(path, { type: 'symlink', mode: 0o777, link: target });
  }

  directory(path: string, mode = 0o755): void {
    this.#parents(path);
    this.#nodes.set(path, { type: 'directory', mode });
  }

  async tar(): Promise<Buffer> {
    const archive = pack();
    const done = buffer(archive);
    for (const path of [...this.#nodes.keys()].sort()) {
      const node = this.#nodes.get(path);
      if (node !== undefined) archive.entry(headerOf(path, node), node.data ?? Buffer.alloc(0));
    }
    archive.finalize();
    return await done;
  }

  #parents(path: string): void {
    const parent = posix.dirname(path);
    if (parent === '/' || this.#nodes.has(parent)) return;
    this.directory(parent);
  }
}

function headerOf(
  path: string,
  { type, mode, data, link }: Node,
): Parameters<ReturnType<typeof pack>['entry']>[0] {
  return {
    name: type === 'directory' ? `${path.slice(1)}/` : path.slice(1),
    type,
    mode,
    uid: 0,
    gid: 0,
    mtime: new Date(0),
    size: data?.length ?? 0,
    ...(link === undefined ? {} : { linkname: link }),
  };
}
