/** The configuration of an image that is made of a container. */
import type { ImageProcess } from '../oci/image-config.ts';
import type { ContainerConfig, HealthcheckConfig } from './model.ts';

/** What of a container's configuration belongs to an image. */
export function processOfContainer(config: ContainerConfig): ImageProcess {
  const { user, exposedPorts, env, cmd, entrypoint, volumes, workingDir, labels } = config;
  return {
    ...(user === '' ? {} : { User: user }),
    ...(exposedPorts.length === 0 ? {} : { ExposedPorts: setOf(exposedPorts) }),
    ...(env.length === 0 ? {} : { Env: env }),
    ...(entrypoint === null ? {} : { Entrypoint: entrypoint }),
    ...(cmd === null ? {} : { Cmd: cmd }),
    ...(config.healthcheck === undefined ? {} : { Healthcheck: healthcheckOf(config.healthcheck) }),
    ...(volumes.length === 0 ? {} : { Volumes: setOf(volumes) }),
    ...(workingDir === '' ? {} : { WorkingDir: workingDir }),
    ...(config.onBuild === null ? {} : { OnBuild: config.onBuild }),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
    ...(config.shell === undefined ? {} : { Shell: config.shell }),
  };
}

/** Completes what the user asked for by what the container has, as Docker does (moby, daemon/commit.go, `merge`). */
export function completeProcess(asked: ImageProcess, container: ImageProcess): ImageProcess {
  const user = asked.User || container.User;
  const workingDir = asked.WorkingDir || container.WorkingDir;
  const stopSignal = asked.StopSignal || container.StopSignal;
  const healthcheck = completeHealthcheck(asked.Healthcheck, container.Healthcheck);
  return {
    ...asked,
    ...completeCommand(asked, container),
    ...(user ? { User: user } : {}),
    ...(workingDir ? { WorkingDir: workingDir } : {}),
    ...(stopSignal ? { StopSignal: stopSignal } : {}),
    ...(healthcheck ? { Healthcheck: healthcheck } : {}),
    ...mergedMaps(asked, container),
    ...environmentOf(asked.Env ?? [], container.Env ?? []),
  };
}

/** An entrypoint of one's own takes the container's command away. */
function completeCommand(asked: ImageProcess, container: ImageProcess): ImageProcess {
  if ((asked.Entrypoint?.length ?? 0) > 0) return {};
  const cmd = (asked.Cmd?.length ?? 0) > 0 ? asked.Cmd : container.Cmd;
  const entrypoint = asked.Entrypoint ?? container.Entrypoint;
  return { ...(cmd ? { Cmd: cmd } : {}), ...(entrypoint ? { Entrypoint: entrypoint } : {}) };
}

function mergedMaps(asked: ImageProcess, container: ImageProcess): ImageProcess {
  const ports = { ...container.ExposedPorts, ...asked.ExposedPorts };
  const volumes = { ...container.Volumes, ...asked.Volumes };
  const labels = { ...container.Labels, ...asked.Labels };
  return {
    ...(Object.keys(ports).length === 0 ? {} : { ExposedPorts: ports }),
    ...(Object.keys(volumes).length === 0 ? {} : { Volumes: volumes }),
    ...(Object.keys(labels).length === 0 ? {} : { Labels: labels }),
  };
}

function environmentOf(asked: readonly string[], container: readonly string[]): ImageProcess {
  const nameOf = (variable: string): string => variable.split('=', 1)[0] ?? '';
  const names = new Set(asked.map(nameOf));
  const env = [...asked, ...container.filter((variable) => !names.has(nameOf(variable)))];
  return env.length === 0 ? {} : { Env: env };
}

type Healthcheck = NonNullable<ImageProcess['Healthcheck']>;

function completeHealthcheck(
  asked: Healthcheck | null | undefined,
  container: Healthcheck | null | undefined,
): Healthcheck | undefined {
  if (!asked) return container ?? undefined;
  return container ? { ...container, ...asked } : asked;
}

function healthcheckOf(check: HealthcheckConfig): Healthcheck {
  const { test, interval, timeout, startPeriod, startInterval, retries } = check;
  return {
    ...(test.length === 0 ? {} : { Test: test }),
    ...(interval === 0 ? {} : { Interval: interval }),
    ...(timeout === 0 ? {} : { Timeout: timeout }),
    ...(startPeriod === 0 ? {} : { StartPeriod: startPeriod }),
    ...(startInterval === 0 ? {} : { StartInterval: startInterval }),
    ...(retries === 0 ? {} : { Retries: retries }),
  };
}

function setOf(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}
