/** Contexts that are no directories of the client's: archives, and repositories, archives and Dockerfiles at an address. */
import { createReadStream } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import type { Readable } from 'node:stream';
import { EngineError } from '../../errors/engine-error.ts';
import { plainArchive } from '../../images/archive-plain.ts';
import type { BuildContext, ContextTree } from '../build-types.ts';
import { kindOfSource } from '../dockerfile/source-kind.ts';
import { FetchedContext } from './fetched-context.ts';
import type { FilesParts } from './files-parts.ts';
import type { FetchedSource, GitRequest } from './files-types.ts';
import { fetchGit } from './git-source.ts';
import { fetchHttp } from './http-source.ts';
import { ArchiveFile, unpack } from './unpack-archive.ts';

/** Asked for credentials when it is about to be fetched. */
export type GitAccessOf = (signal: AbortSignal) => Promise<Pick<GitRequest, 'sshAgent' | 'token'>>;

const rootUser = { uid: 0, gid: 0 };

export class ContextSources {
  readonly #parts: FilesParts;

  constructor(parts: FilesParts) {
    this.#parts = parts;
  }

  /** A tar, in any compression that Docker reads. EngineError `invalid-argument` where it is none, at the first use. */
  archive(open: (signal: AbortSignal) => Promise<Readable>): FetchedContext {
    return new FetchedContext(async (signal) => await this.#unpack(await open(signal), signal));
  }

  /**
   * `https://…/repo.git#ref:folder`, `git@…`, `github.com/…`: a repository. Any other HTTP address: an archive, or a Dockerfile, which is all of
   * the context then, under the name `dockerfileName`. EngineError `invalid-argument` for what is neither.
   */
  remote(
    url: string,
    dockerfileName = 'Dockerfile',
    access?: GitAccessOf,
  ): BuildContext & { close(): Promise<void> } {
    const address = /^github\.com\//.test(url) ? `https://${url}` : url;
    const isGit = address !== url || kindOfSource(address.split('#', 1)[0] ?? '') === 'git';
    if (isGit)
      return new FetchedContext(async (signal) => {
        const request = { url: address, ...(await access?.(signal)) };
        return treeOf(await fetchGit(this.#parts, request, signal));
      });
    if (kindOfSource(address) !== 'http') {
      throw new EngineError('invalid-argument', `the context ${url} is no address`, {
        hint: 'give a directory, an https:// address, or that of a git repository',
      });
    }
    return new FetchedContext((signal) => this.#download(address, dockerfileName, signal));
  }

  async #download(url: string, dockerfileName: string, signal: AbortSignal): Promise<ContextTree> {
    const fetched = await fetchHttp(this.#parts.trees, { url }, signal);
    const { root } = treeOf(fetched);
    const [name = ''] = fetched.source.kind === 'files' ? fetched.source.patterns : [];
    const path = name.replace(/\\(.)/g, '$1');
    try {
      if (await this.#isArchive(root, path)) {
        const tree = await this.#unpack(createReadStream(join(root, path)), signal);
        await fetched.release();
        return tree;
      }
      const place = join(root, `_${path}`);
      const target = join(place, posix.join('/', dockerfileName));
      await mkdir(dirname(target), { recursive: true });
      await rename(join(root, path), target);
      return { root: place, release: fetched.release };
    } catch (error) {
      await fetched.release();
      throw error;
    }
  }

  async #isArchive(root: string, path: string): Promise<boolean> {
    const file = ArchiveFile.open(root, Buffer.from(path).toString('latin1'), this.#parts.maxExpansion);
    try {
      return await file.isArchive();
    } finally {
      file.close();
    }
  }

  async #unpack(archive: Readable, signal: AbortSignal): Promise<ContextTree> {
    const { launcher, trees, maxExpansion } = this.#parts;
    const directory = await trees.temporary('context');
    try {
      const plain = plainArchive(archive, maxExpansion);
      await unpack(plain, { launcher, root: directory.root, path: '/', owner: rootUser }, signal);
      return directory;
    } catch (error) {
      await directory.release();
      throw error;
    } finally {
      archive.destroy();
    }
  }
}

function treeOf({ source, release }: FetchedSource): ContextTree {
  if (source.kind !== 'files' || source.tree.kind !== 'directory')
    throw new EngineError('internal', 'what was fetched is no directory');
  return { root: source.tree.root, release };
}
