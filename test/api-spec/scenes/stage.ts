/** What a scene is played on: one client version, the daemon, a registry where the host has the program, and small helpers. */
import assert from 'node:assert/strict';
import type { TestDaemon } from '../../support/daemon.ts';
import type { TestRegistry } from '../../support/registry.ts';
import type { CallOptions, Recorder, Reply } from '../recorder.ts';

export class Stage {
  readonly version: string;
  readonly daemon: TestDaemon;
  readonly registry: TestRegistry | undefined;
  /** Unlike that of every other version: names of what a scene makes begin with it. */
  readonly prefix: string;
  readonly #recorder: Recorder;

  constructor(recorder: Recorder, version: string, daemon: TestDaemon, registry: TestRegistry | undefined) {
    this.#recorder = recorder;
    this.version = version;
    this.daemon = daemon;
    this.registry = registry;
    this.prefix = `v${version.replace('.', '')}`;
  }

  /** True for a client of `version` or a newer one. */
  speaks(version: string): boolean {
    return Number(this.version.split('.')[1]) >= Number(version.split('.')[1]);
  }

  /** Notes a difference without ending the scene. */
  same(actual: unknown, expected: unknown, what: string): void {
    try {
      assert.deepEqual(actual, expected);
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#recorder.failures.push(`v${this.version} ${what}: ${text}`);
    }
  }

  call(method: string, template: string, options: CallOptions): Promise<Reply> {
    return this.#recorder.call(this.version, method, template, options);
  }

  get(template: string, options: CallOptions): Promise<Reply> {
    return this.call('GET', template, options);
  }

  post(template: string, options: CallOptions): Promise<Reply> {
    return this.call('POST', template, options);
  }

  delete(template: string, options: CallOptions): Promise<Reply> {
    return this.call('DELETE', template, options);
  }

  /** Creates (and starts, unless told not to) a container; returns its name. */
  async container(name: string, config: object = {}, start = true): Promise<string> {
    const full = `${this.prefix}-${name}`;
    await this.post('/containers/create', {
      query: { name: full },
      body: { Image: 'busybox', Cmd: ['sleep', '600'], HostConfig: { NetworkMode: 'none' }, ...config },
      expect: 201,
    });
    if (start) await this.post('/containers/{id}/start', { path: { id: full }, expect: 204 });
    return full;
  }

  async removeContainer(id: string): Promise<void> {
    await this.delete('/containers/{id}', { path: { id }, query: { force: 'true', v: 'true' }, expect: 204 });
  }
}

export type Scene = (stage: Stage) => Promise<void>;
