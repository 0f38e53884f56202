/** Containers: their life, and what they say. Archives, processes and runs in them are beside this file. */

import { isEngineError } from '../errors/engine-error.ts';
import type {
  ContainerChange,
  ContainerCreateResponse,
  ContainerInspect,
  ContainerSummary,
  ContainersPruneResponse,
  TopResponse,
  WaitResponse,
} from '../wire/container.ts';
import type { ExecInspect } from '../wire/exec.ts';
import type { HostConfig, Resources } from '../wire/host-config.ts';
import type { DeepLenient } from '../wire/lenient.ts';
import type { StatsResponse } from '../wire/stats.ts';
import type { UpdateResponse } from '../wire/update.ts';
import type { ApiClient, CallOptions } from './api-client.ts';
import { type AttachOptions, attachContainer } from './attach-container.ts';
import type { Attachment } from './attachment.ts';
import { type CallControl, type FilterValues, filtersOf } from './call-control.ts';
import { type CommitOptions, commitContainer } from './commit-container.ts';
import { ContainerArchives } from './container-archives.ts';
import { type LogOptions, readLogs } from './container-logs.ts';
import type { ContainerSettings, CreateOptions } from './container-settings.ts';
import { Download } from './download.ts';
import { type ExecOptions, type ExecSession, inspectExec, startDetachedExec, startExec } from './execs.ts';
import type { OutputChunk } from './output-chunks.ts';
import type { Query } from './query.ts';
import { segment } from './query.ts';
import { type RunOptions, type RunResult, runContainer } from './run-container.ts';

export interface ListContainersOptions extends CallControl {
  /** Also those that don't run. */
  all?: boolean;
  /** The newest ones only, in any state. */
  limit?: number;
  /** Also count their sizes, which takes time. */
  size?: boolean;
  filters?: FilterValues;
}

export interface StopOptions extends CallControl {
  /** Seconds until it is killed; the container's own setting unless told, 10 without one. */
  timeout?: number;
  /** In place of the container's own: `SIGINT`. API 1.42 and later. */
  stopSignal?: string;
}

/** Every method takes a container's name, its ID, or the beginning of its ID. */
export class Containers {
  /** Files in containers, running or not. */
  readonly archives: ContainerArchives;
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
    this.archives = new ContainerArchives(api);
  }

  list({ signal, filters, ...query }: ListContainersOptions = {}): Promise<ContainerSummary[]> {
    return this.#api.call('GET', '/containers/json', {
      query: { ...query, filters: filtersOf(filters) },
      signal,
    });
  }

  /** It is not started. EngineErrors `not-found` for the image, `conflict` for the name. */
  create(settings: ContainerSettings, options: CreateOptions = {}): Promise<ContainerCreateResponse> {
    const { signal, name, platform } = options;
    const query = { name, platform };
    return this.#api.call('POST', '/containers/create', { query, json: settings, signal });
  }

  /** Creates and starts a container, reads its output to the end, and removes it: for short work. */
  run(settings: ContainerSettings, options: RunOptions = {}): Promise<RunResult> {
    return runContainer(this, settings, options);
  }

  inspect(id: string, { size, signal }: CallControl & { size?: boolean } = {}): Promise<ContainerInspect> {
    return this.#api.call('GET', this.#path(id, 'json'), { query: { size }, signal });
  }

  /** False where it was running already. */
  start(id: string, { signal, detachKeys }: CallControl & { detachKeys?: string } = {}): Promise<boolean> {
    return this.#change(id, 'start', { query: { detachKeys }, signal });
  }

  /** Resolves when it has ended; false where it did not run. */
  stop(id: string, { signal, timeout, stopSignal }: StopOptions = {}): Promise<boolean> {
    return this.#change(id, 'stop', { query: { t: timeout, signal: stopSignal }, signal });
  }

  async restart(id: string, { signal, timeout, stopSignal }: StopOptions = {}): Promise<void> {
    await this.#post(id, 'restart', { t: timeout, signal: stopSignal }, signal);
  }

  /** Sends a signal to its main process: KILL unless told. EngineError `conflict` where it does not run. */
  async kill(id: string, { killSignal, signal }: CallControl & { killSignal?: string } = {}): Promise<void> {
    await this.#post(id, 'kill', { signal: killSignal }, signal);
  }

  async pause(id: string, { signal }: CallControl = {}): Promise<void> {
    await this.#post(id, 'pause', {}, signal);
  }

  async unpause(id: string, { signal }: CallControl = {}): Promise<void> {
    await this.#post(id, 'unpause', {}, signal);
  }

  async rename(id: string, name: string, { signal }: CallControl = {}): Promise<void> {
    await this.#post(id, 'rename', { name }, signal);
  }

  /** Sets the size of its terminal, in characters. */
  async resize(
    id: string,
    { rows, columns }: { rows: number; columns: number },
    { signal }: CallControl = {},
  ): Promise<void> {
    await this.#post(id, 'resize', { h: rows, w: columns }, signal);
  }

  /** Resolves when it has ended, at once where it does not run; other conditions need API 1.30. */
  wait(
    id: string,
    { condition, signal }: CallControl & { condition?: 'not-running' | 'next-exit' | 'removed' } = {},
  ): Promise<WaitResponse> {
    return this.#api.call('POST', this.#path(id, 'wait'), { query: { condition }, signal });
  }

  /** EngineError `conflict` where it runs, unless `force`. */
  async remove(
    id: string,
    { force, volumes, signal }: CallControl & { force?: boolean; volumes?: boolean } = {},
  ): Promise<void> {
    const query = { force, v: volumes };
    await this.#api.call('DELETE', `/containers/${segment(id)}`, { query, signal });
  }

  /** stdout and stderr of its past, and with `follow` of its future too. */
  logs(id: string, options: LogOptions = {}): AsyncGenerator<OutputChunk, void> {
    return readLogs(this.#api, id, options);
  }

  /** Takes hold of its input and output. Attach before the start so as to miss nothing. */
  attach(id: string, options: AttachOptions = {}): Promise<Attachment> {
    return attachContainer(this.#api, id, options);
  }

  /** Starts a process in a running container and takes hold of its output; with `AttachStdin` of its input too. */
  exec(id: string, options: ExecOptions): Promise<ExecSession> {
    return startExec(this.#api, id, options);
  }

  /** Starts a process in a running container and lets it be; resolves with its ID. */
  execDetached(id: string, options: ExecOptions): Promise<string> {
    return startDetachedExec(this.#api, id, options);
  }

  inspectExec(execId: string, control: CallControl = {}): Promise<ExecInspect> {
    return inspectExec(this.#api, execId, control);
  }

  /** About one sample a second, until it is removed or the reader stops. */
  stats(id: string, { signal }: CallControl = {}): AsyncGenerator<StatsResponse, void> {
    return this.#api.documents('GET', this.#path(id, 'stats'), { query: { stream: true }, signal });
  }

  /** One sample. Two are taken where the daemon is to tell the load on its CPUs, which takes a second; `oneShot` spares that. */
  statsOnce(
    id: string,
    { oneShot, signal }: CallControl & { oneShot?: boolean } = {},
  ): Promise<StatsResponse> {
    const query = { stream: '0', 'one-shot': oneShot };
    return this.#api.call('GET', this.#path(id, 'stats'), { query, signal });
  }

  top(id: string, { psArgs, signal }: CallControl & { psArgs?: string } = {}): Promise<TopResponse> {
    return this.#api.call('GET', this.#path(id, 'top'), { query: { ps_args: psArgs }, signal });
  }

  /** What differs from its image. */
  async changes(id: string, { signal }: CallControl = {}): Promise<ContainerChange[]> {
    const found = await this.#api.call<ContainerChange[] | null>('GET', this.#path(id, 'changes'), {
      signal,
    });
    return found ?? [];
  }

  /** Its whole file system as a tar. */
  async export(id: string, { signal }: CallControl = {}): Promise<Download> {
    return new Download(await this.#api.open('GET', this.#path(id, 'export'), { signal }));
  }

  /** Makes an image of it; resolves with the image's ID. */
  commit(id: string, options: CommitOptions = {}): Promise<string> {
    return commitContainer(this.#api, id, options);
  }

  update(
    id: string,
    limits: DeepLenient<Resources & Pick<HostConfig, 'RestartPolicy'>>,
    { signal }: CallControl = {},
  ): Promise<UpdateResponse> {
    return this.#api.call('POST', this.#path(id, 'update'), { json: limits, signal });
  }

  /** Removes those that don't run. */
  prune({
    filters,
    signal,
  }: CallControl & { filters?: FilterValues } = {}): Promise<ContainersPruneResponse> {
    return this.#api.call('POST', '/containers/prune', { query: { filters: filtersOf(filters) }, signal });
  }

  #path(id: string, action: string): string {
    return `/containers/${segment(id)}/${action}`;
  }

  async #post(id: string, action: string, query: Query, signal: AbortSignal | undefined): Promise<void> {
    await this.#api.call('POST', this.#path(id, action), { query, signal });
  }

  /** True if it made a difference. */
  async #change(id: string, action: string, options: CallOptions): Promise<boolean> {
    try {
      await this.#api.call('POST', this.#path(id, action), options);
      return true;
    } catch (error) {
      if (isEngineError(error, 'not-modified')) return false;
      throw error;
    }
  }
}
