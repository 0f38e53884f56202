/** Short calls of an OCI runtime: pause, resume, update, delete, ps. */
import { basename } from 'node:path';
import { EngineError, messageOf } from '../errors/engine-error.ts';
import type { CommandResult, Launcher } from '../host/launcher-types.ts';
import { removeCgroups, removeState, waitForRuntime } from './leftovers.ts';
import { commandError } from './runtime-errors.ts';
import type { RuntimeProgram } from './runtime-types.ts';

/** Not `-`: crun reads /dev/stdin then, which a host without udev does not have. */
const ownStdin = '/proc/self/fd/0';

export class RuntimeCommands {
  readonly #launcher: Launcher;
  readonly #hiddenMounts: readonly string[];
  readonly #env: Readonly<Record<string, string>>;

  constructor(launcher: Launcher, hiddenMounts: readonly string[], env: Readonly<Record<string, string>>) {
    this.#launcher = launcher;
    this.#hiddenMounts = hiddenMounts;
    this.#env = env;
  }

  async pause(containerId: string, runtime: RuntimeProgram): Promise<void> {
    await this.#must(runtime, ['pause', containerId], 'cannot pause the container');
  }

  async resume(containerId: string, runtime: RuntimeProgram): Promise<void> {
    await this.#must(runtime, ['resume', containerId], 'cannot resume the container');
  }

  /** `resources` is `linux.resources` of the runtime specification, as far as it is to change. */
  async update(containerId: string, runtime: RuntimeProgram, resources: object): Promise<void> {
    const what = 'cannot update the container';
    await this.#must(
      runtime,
      ['update', '--resources', ownStdin, containerId],
      what,
      JSON.stringify(resources),
    );
  }

  /** CRIU's own words are in `dump.log` of the same directory. */
  async checkpoint(
    containerId: string,
    runtime: RuntimeProgram,
    { path, leaveRunning }: { path: string; leaveRunning: boolean },
  ): Promise<void> {
    const leave = leaveRunning ? ['--leave-running'] : [];
    const places = ['--image-path', path, '--work-path', path];
    const what = `${basename(runtime.path)} did not terminate successfully`;
    await this.#must(runtime, ['checkpoint', ...places, ...leave, containerId], what);
  }

  async pids(containerId: string, runtime: RuntimeProgram): Promise<number[]> {
    const what = 'cannot list the processes of the container';
    const { stdout } = await this.#must(runtime, ['ps', '--format', 'json', containerId], what);
    try {
      const pids: unknown = JSON.parse(stdout.toString());
      return Array.isArray(pids) ? pids.filter((pid) => typeof pid === 'number') : [];
    } catch (error) {
      throw commandError(what, messageOf(error));
    }
  }

  /** Ends all processes of a container and removes its cgroup and the runtime's state. Nothing to do is no error. */
  async delete(containerId: string, runtime: RuntimeProgram): Promise<void> {
    await waitForRuntime(containerId);
    const result = await this.#run(runtime, ['delete', '--force', containerId]);
    if (result.exitCode === 0) return;
    await removeCgroups(containerId);
    await removeState(containerId, runtime);
  }

  async #must(
    runtime: RuntimeProgram,
    args: readonly string[],
    what: string,
    stdin = '',
  ): Promise<CommandResult> {
    const result = await this.#run(runtime, args, stdin);
    if (result.timedOut) throw tookTooLong(what, runtime, args);
    if (result.exitCode !== 0) throw commandError(what, result.stderr.toString());
    return result;
  }

  async #run(runtime: RuntimeProgram, args: readonly string[], stdin = ''): Promise<CommandResult> {
    return await this.#launcher.run({
      stdin,
      argv: [runtime.path, ...runtime.args, ...args],
      hiddenMounts: this.#hiddenMounts,
      env: this.#env,
    });
  }
}

function tookTooLong(what: string, { path }: RuntimeProgram, [command = '']: readonly string[]): EngineError {
  return new EngineError(
    'internal',
    `${what}: ${basename(path)} ${command} did not end within 30 s and was ended`,
    {
      hint: `find out what ${path} waits for; "rm -f" removes the container without it`,
      details: { runtime: path },
    },
  );
}
