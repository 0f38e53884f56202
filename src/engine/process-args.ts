/** What a container's process is: the image's configuration and the user's, merged as Docker does. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageProcess } from '../oci/image-config.ts';
import type { ContainerConfig, HealthcheckConfig } from './model.ts';

/**
 * The user's configuration, completed by the image's. The user's entrypoint takes the image's command away; `[""]` takes both entrypoints
 * away. EngineError `invalid-argument` "no command specified" where there is nothing to run.
 */
export function mergeConfig(user: ContainerConfig, image: ImageProcess): ContainerConfig {
  const command = mergeCommand(user, image);
  const healthcheck = mergeHealthcheck(user.healthcheck, image.Healthcheck);
  const stopSignal = user.stopSignal ?? textOrAbsent(image.StopSignal);
  const shell = user.shell ?? image.Shell ?? undefined;
  return {
    ...user,
    ...command,
    user: user.user || (image.User ?? ''),
    workingDir: user.workingDir || (image.WorkingDir ?? ''),
    exposedPorts: union(user.exposedPorts, withProtocol(Object.keys(image.ExposedPorts ?? {}))),
    volumes: union(user.volumes, Object.keys(image.Volumes ?? {})),
    env: mergeEnv(user.env, image.Env ?? []),
    labels: { ...image.Labels, ...user.labels },
    ...(healthcheck === undefined ? {} : { healthcheck }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(shell === undefined ? {} : { shell }),
  };
}

function mergeCommand(
  user: Pick<ContainerConfig, 'cmd' | 'entrypoint'>,
  image: ImageProcess,
): Pick<ContainerConfig, 'cmd' | 'entrypoint'> {
  const ownEntrypoint = (user.entrypoint?.length ?? 0) > 0;
  const ownCommand = (user.cmd?.length ?? 0) > 0;
  const cmd = ownEntrypoint || ownCommand ? user.cmd : (image.Cmd ?? null);
  const entrypoint = user.entrypoint ?? image.Entrypoint ?? null;
  const cleared = entrypoint?.length === 1 && entrypoint[0] === '' ? null : entrypoint;
  if ((cleared?.length ?? 0) + (cmd?.length ?? 0) === 0) {
    throw new EngineError('invalid-argument', 'no command specified', {
      hint: 'the image names no command: give one after the image',
    });
  }
  return { cmd, entrypoint: cleared };
}

/** The program and its arguments, entrypoint first. */
export function processOf(config: Pick<ContainerConfig, 'cmd' | 'entrypoint'>): {
  path: string;
  args: string[];
} {
  const [path = '', ...args] = [...(config.entrypoint ?? []), ...(config.cmd ?? [])];
  return { path, args };
}

/** The user's variables, then those of the image that the user's don't name. */
function mergeEnv(user: readonly string[], image: readonly string[]): string[] {
  const named = new Set(user.map(nameOf));
  return [...user, ...image.filter((entry) => !named.has(nameOf(entry)))];
}

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? entry;
}

function union(first: readonly string[], second: readonly string[]): string[] {
  return [...new Set([...first, ...second])];
}

/** Images of old builders say `80` for `80/tcp`. */
function withProtocol(ports: readonly string[]): string[] {
  return ports.map((port) => (port.includes('/') ? port : `${port}/tcp`));
}

function textOrAbsent(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

/** The image's healthcheck, field by field where the user's is silent. */
function mergeHealthcheck(
  user: HealthcheckConfig | undefined,
  image: ImageProcess['Healthcheck'],
): HealthcheckConfig | undefined {
  if (image === null || image === undefined) return user;
  return {
    test: user !== undefined && user.test.length > 0 ? user.test : (image.Test ?? []),
    interval: user?.interval || (image.Interval ?? 0),
    timeout: user?.timeout || (image.Timeout ?? 0),
    startPeriod: user?.startPeriod || (image.StartPeriod ?? 0),
    startInterval: user?.startInterval || (image.StartInterval ?? 0),
    retries: user?.retries || (image.Retries ?? 0),
  };
}
