/** Files into and out of containers, as tars. */
import { EngineError } from '../errors/engine-error.ts';
import type { ContainerPathStat } from '../wire/archive.ts';
import type { ApiClient } from './api-client.ts';
import { type CallControl, readableOf, type UploadBody } from './call-control.ts';
import { Download } from './download.ts';
import { archivePath, decodePathStat } from './path-stat.ts';

export interface PutArchiveOptions extends CallControl {
  /** Fail rather than put a file in a directory's place, or the other way round. */
  noOverwriteDirNonDir?: boolean;
  /** Owners as in the archive, rather than the container's root. */
  copyUIDGID?: boolean;
}

export class ContainerArchives {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  /** What stands at `path` and below it, as a tar with its last name as the first entry. EngineError `not-found`. */
  async get(
    container: string,
    path: string,
    { signal }: CallControl = {},
  ): Promise<{ stat: ContainerPathStat; content: Download }> {
    const response = await this.#api.open('GET', archivePath(container), { query: { path }, signal });
    const content = new Download(response);
    return { stat: statOf(response.headers, path), content };
  }

  /** Unpacks a tar (plain, gzip, bzip2, xz or zstd) in the directory `path`. */
  async put(
    container: string,
    path: string,
    tar: UploadBody,
    { signal, ...query }: PutArchiveOptions = {},
  ): Promise<void> {
    await this.#api.call('PUT', archivePath(container), {
      query: { path, ...query },
      stream: readableOf(tar),
      headers: { 'Content-Type': 'application/x-tar' },
      signal,
    });
  }

  /** EngineError `not-found` where nothing is there. */
  async stat(container: string, path: string, { signal }: CallControl = {}): Promise<ContainerPathStat> {
    const response = await this.#api.open('HEAD', archivePath(container), { query: { path }, signal });
    response.socket.destroy();
    return statOf(response.headers, path);
  }
}

function statOf(headers: ReadonlyMap<string, string>, path: string): ContainerPathStat {
  const stat = decodePathStat(headers);
  if (stat === undefined) throw new EngineError('data-loss', `the daemon did not say what ${path} is`);
  return stat;
}
