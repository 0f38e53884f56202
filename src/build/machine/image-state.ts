/** What the instructions of a stage make of an image's configuration, and what they leave in its history. */
import { posix } from 'node:path';
import type { HistoryEntry, ImageConfig, ImageProcess } from '../../oci/image-config.ts';
import type { Platform } from '../../oci/platform.ts';
import type { CommandLine, Healthcheck, StageInstruction } from '../dockerfile/ast.ts';
import { parsePort } from '../dockerfile/ports.ts';
import { defaultPath } from '../dockerfile/stage-scope.ts';
import { goDuration, goList, goQuotedList } from './go-format.ts';

/** The configuration so far. Never changed in place: a stage that stands on this one has its own. */
export interface ImageState {
  process: ImageProcess;
  author?: string;
  history: readonly HistoryEntry[];
  platform: Platform;
  osVersion?: string;
  /** Has this stage had a CMD of its own? ENTRYPOINT leaves that alone. */
  hasCmd: boolean;
}

export const historyComment = 'buildkit.dockerfile.v0';
const defaultShell = ['/bin/sh', '-c'];

/** Where nothing is below. */
export function emptyImage(platform: Platform): ImageState {
  return {
    process: { Env: [`PATH=${defaultPath}`], WorkingDir: '/' },
    history: [],
    platform,
    hasCmd: false,
  };
}

/** A base image's, without its triggers; it always has a PATH, as Docker sees to it. */
export function imageStateOf(config: ImageConfig, platform: Platform): ImageState {
  const { OnBuild: _, ...process } = config.config ?? {};
  const env = process.Env ?? [];
  const hasPath = env.some((one) => one.startsWith('PATH='));
  const osVersion = config['os.version'];
  return {
    process: { ...process, Env: hasPath ? env : [...env, `PATH=${defaultPath}`] },
    ...(config.author === undefined ? {} : { author: config.author }),
    history: config.history ?? [],
    platform,
    ...(osVersion === undefined ? {} : { osVersion }),
    hasCmd: false,
  };
}

/** With a line in the history; `hasLayer` for what made a layer. */
export function withHistory(state: ImageState, createdBy: string, hasLayer: boolean): ImageState {
  const entry: HistoryEntry = {
    created_by: createdBy,
    comment: historyComment,
    ...(hasLayer ? {} : { empty_layer: true }),
  };
  return { ...state, history: [...state.history, entry] };
}

export function shellOf({ process }: ImageState): readonly string[] {
  return process.Shell != null && process.Shell.length > 0 ? process.Shell : defaultShell;
}

/** The arguments that a command is run with. */
export function argsOf(state: ImageState, command: CommandLine): string[] {
  return command.form === 'exec' ? [...command.args] : [...shellOf(state), command.text];
}

/** An absolute path, as seen from the working directory; a slash at its end stays. */
export function fromWorkdir({ process }: ImageState, path: string): string {
  return posix.resolve('/', process.WorkingDir ?? '/', path);
}

/**
 * The image after an instruction that changes no file, its variables replaced already. Undefined for one that does (RUN, COPY, ADD, WORKDIR).
 * EngineError `invalid-argument` for a port that can't be read.
 */
export function withInstruction(state: ImageState, instruction: StageInstruction): ImageState | undefined {
  const { process } = state;
  const set = (change: ImageProcess, createdBy: string): ImageState =>
    withHistory({ ...state, process: { ...process, ...change } }, createdBy, false);
  switch (instruction.kind) {
    case 'env': {
      const Env = instruction.variables.reduce(
        (env, { key, value }) => withVariable(env, key, value),
        process.Env ?? [],
      );
      return set({ Env }, `ENV${pairs(instruction.variables)}`);
    }
    case 'label': {
      const own = Object.fromEntries(instruction.labels.map(({ key, value }) => [key, value]));
      return set({ Labels: { ...process.Labels, ...own } }, `LABEL${pairs(instruction.labels)}`);
    }
    case 'maintainer':
      return withHistory(
        { ...state, author: instruction.maintainer },
        `MAINTAINER ${instruction.maintainer}`,
        false,
      );
    case 'expose': {
      const ports = instruction.ports.flatMap((port) => parsePort(port).ports);
      return set(
        { ExposedPorts: { ...process.ExposedPorts, ...emptySet(ports) } },
        `EXPOSE ${goList(ports)}`,
      );
    }
    case 'volume':
      return set(
        { Volumes: { ...process.Volumes, ...emptySet(instruction.paths) } },
        `VOLUME ${goList(instruction.paths)}`,
      );
    case 'user':
      return set({ User: instruction.user }, `USER ${instruction.user}`);
    case 'stopsignal':
      return set({ StopSignal: instruction.signal }, `STOPSIGNAL ${instruction.signal}`);
    case 'shell':
      return set({ Shell: [...instruction.shell] }, `SHELL ${goList(instruction.shell)}`);
    case 'cmd': {
      const Cmd = argsOf(state, instruction.command);
      return { ...set({ Cmd, ArgsEscaped: true }, `CMD ${goQuotedList(Cmd)}`), hasCmd: true };
    }
    case 'entrypoint': {
      const Entrypoint = argsOf(state, instruction.command);
      const Cmd = state.hasCmd ? (process.Cmd ?? null) : null;
      return set({ Entrypoint, Cmd }, `ENTRYPOINT ${goQuotedList(Entrypoint)}`);
    }
    case 'healthcheck': {
      const check = healthcheckOf(instruction.check);
      return set({ Healthcheck: check }, `HEALTHCHECK ${printed(check)}`);
    }
    case 'onbuild':
      return {
        ...state,
        process: { ...process, OnBuild: [...(process.OnBuild ?? []), instruction.trigger] },
      };
    case 'arg': {
      const texts = instruction.args.map(({ name, value }) =>
        value === undefined ? name : `${name}=${value}`,
      );
      return withHistory(state, `ARG ${texts.join(' ')}`, false);
    }
    case 'run':
    case 'copy':
    case 'add':
    case 'workdir':
      return undefined;
  }
}

function pairs(items: ReadonlyArray<{ key: string; value: string }>): string {
  return items.map(({ key, value }) => ` ${key}=${value}`).join('');
}

function emptySet(names: readonly string[]): Record<string, object> {
  return Object.fromEntries(names.map((name) => [name, {}]));
}

function withVariable(env: readonly string[], name: string, value: string): string[] {
  const index = env.findIndex((one) => one.startsWith(`${name}=`) || one === name);
  const text = `${name}=${value}`;
  return index === -1 ? [...env, text] : env.with(index, text);
}

type HealthcheckConfig = NonNullable<ImageProcess['Healthcheck']>;

function healthcheckOf(check: 'none' | Healthcheck): HealthcheckConfig {
  if (check === 'none') return { Test: ['NONE'] };
  const { command, interval, timeout, startPeriod, startInterval, retries } = check;
  const test = command.form === 'exec' ? ['CMD', ...command.args] : ['CMD-SHELL', command.text];
  return {
    Test: test,
    ...(interval === 0 ? {} : { Interval: interval }),
    ...(timeout === 0 ? {} : { Timeout: timeout }),
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
    ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
    ...(retries === 0 ? {} : { Retries: retries }),
  };
}

function printed(check: HealthcheckConfig): string {
  const { Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, StartInterval = 0, Retries = 0 } = check;
  const durations = Object.entries({ Interval, Timeout, StartPeriod, StartInterval });
  const texts = durations.map(([name, value]) => `${name}:${goDuration(value)}`);
  return `{Test:${goList(Test)} ${texts.join(' ')} Retries:${Retries}}`;
}
