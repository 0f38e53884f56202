/** Builds an image on the daemon, from a tar that holds the context. */
import type { ProgressMessage } from '../wire/progress-message.ts';
import type { AuthConfig } from '../wire/system.ts';
import type { ApiClient } from './api-client.ts';
import { type CallControl, encodeAuth, readableOf, type UploadBody } from './call-control.ts';

export interface BuildOptions extends CallControl {
  tags?: readonly string[];
  /** Path within the context; `Dockerfile` unless told. */
  dockerfile?: string;
  buildArgs?: Readonly<Record<string, string>>;
  labels?: Readonly<Record<string, string>>;
  /** The stage to stop at. */
  target?: string;
  platform?: string;
  noCache?: boolean;
  /** Pull the base images even where they are here. */
  pull?: boolean;
  /** Network of the instructions that run: `host`, `none` or a name. */
  networkMode?: string;
  /** Logins by registry. */
  registries?: Readonly<Record<string, AuthConfig>>;
  /** Further parameters of the API, as they are: `{ memory: 1e9, shmsize: 67108864 }`. */
  query?: Readonly<Record<string, string | number | boolean>>;
}

export function buildImage(
  api: ApiClient,
  context: UploadBody,
  options: BuildOptions,
): AsyncGenerator<ProgressMessage, void> {
  const { signal, registries, buildArgs, labels } = options;
  const query = {
    t: options.tags,
    dockerfile: options.dockerfile,
    target: options.target,
    platform: options.platform,
    nocache: options.noCache,
    pull: options.pull,
    networkmode: options.networkMode,
    buildargs: buildArgs === undefined ? undefined : JSON.stringify(buildArgs),
    labels: labels === undefined ? undefined : JSON.stringify(labels),
    ...options.query,
  };
  const headers = {
    'Content-Type': 'application/x-tar',
    ...(registries === undefined ? {} : { 'X-Registry-Config': encodeAuth(registries) }),
  };
  return api.documents('POST', '/build', { query, stream: readableOf(context), headers, signal });
}
