/** `Config` of a container between wire and engine, in both directions. */
import type { ContainerConfig, HealthcheckConfig } from '../engine/model.ts';
import type { HealthConfig, ContainerConfig as WireConfig } from '../wire/container-config.ts';
import type { Fields } from './fields.ts';

/** What `POST /containers/create` holds beside `HostConfig` and `NetworkingConfig`. */
export function decodeContainerConfig(fields: Fields): ContainerConfig {
  const stopTimeout = fields.optionalInteger('StopTimeout');
  const stopSignal = fields.string('StopSignal');
  const shell = fields.words('Shell');
  /* Of Windows, and of clients before 1.44, which `container-create.ts` looks after: here only their types count. */
  fields.boolean('ArgsEscaped');
  fields.string('MacAddress');
  const healthcheck = decodeHealthcheck(fields.optionalObject('Healthcheck'));
  return {
    hostname: fields.string('Hostname'),
    domainname: fields.string('Domainname'),
    user: fields.string('User'),
    attachStdin: fields.boolean('AttachStdin'),
    attachStdout: fields.boolean('AttachStdout'),
    attachStderr: fields.boolean('AttachStderr'),
    exposedPorts: fields.keys('ExposedPorts'),
    tty: fields.boolean('Tty'),
    openStdin: fields.boolean('OpenStdin'),
    stdinOnce: fields.boolean('StdinOnce'),
    env: fields.strings('Env'),
    cmd: fields.words('Cmd') ?? null,
    entrypoint: fields.words('Entrypoint') ?? null,
    image: fields.string('Image'),
    volumes: fields.keys('Volumes'),
    workingDir: fields.string('WorkingDir'),
    networkDisabled: fields.boolean('NetworkDisabled'),
    onBuild: fields.optionalStrings('OnBuild') ?? null,
    labels: fields.stringMap('Labels'),
    ...(stopSignal === '' ? {} : { stopSignal }),
    ...(stopTimeout === undefined ? {} : { stopTimeout }),
    ...(shell === undefined ? {} : { shell }),
    ...(healthcheck === undefined ? {} : { healthcheck }),
  };
}

function decodeHealthcheck(fields: Fields | undefined): HealthcheckConfig | undefined {
  if (fields === undefined) return undefined;
  return {
    test: fields.strings('Test'),
    interval: fields.integer('Interval'),
    timeout: fields.integer('Timeout'),
    startPeriod: fields.integer('StartPeriod'),
    startInterval: fields.integer('StartInterval'),
    retries: fields.integer('Retries'),
  };
}

export function encodeContainerConfig(config: ContainerConfig): WireConfig {
  return {
    Hostname: config.hostname,
    Domainname: config.domainname,
    User: config.user,
    AttachStdin: config.attachStdin,
    AttachStdout: config.attachStdout,
    AttachStderr: config.attachStderr,
    ...(config.exposedPorts.length === 0 ? {} : { ExposedPorts: setOf(config.exposedPorts) }),
    Tty: config.tty,
    OpenStdin: config.openStdin,
    StdinOnce: config.stdinOnce,
    Env: config.env,
    Cmd: config.cmd,
    ...(config.healthcheck === undefined ? {} : { Healthcheck: encodeHealthcheck(config.healthcheck) }),
    Image: config.image,
    Volumes: config.volumes.length === 0 ? null : setOf(config.volumes),
    WorkingDir: config.workingDir,
    Entrypoint: config.entrypoint,
    ...(config.networkDisabled ? { NetworkDisabled: true } : {}),
    OnBuild: config.onBuild,
    Labels: config.labels,
    ...(config.stopSignal === undefined ? {} : { StopSignal: config.stopSignal }),
    ...(config.stopTimeout === undefined ? {} : { StopTimeout: config.stopTimeout }),
    ...(config.shell === undefined ? {} : { Shell: config.shell }),
  };
}

/** Docker leaves out what is zero. */
function encodeHealthcheck(check: HealthcheckConfig): HealthConfig {
  return {
    ...(check.test.length === 0 ? {} : { Test: check.test }),
    ...(check.interval === 0 ? {} : { Interval: check.interval }),
    ...(check.timeout === 0 ? {} : { Timeout: check.timeout }),
    ...(check.startPeriod === 0 ? {} : { StartPeriod: check.startPeriod }),
    ...(check.startInterval === 0 ? {} : { StartInterval: check.startInterval }),
    ...(check.retries === 0 ? {} : { Retries: check.retries }),
  };
}

/** A set as Docker writes it: `{"80/tcp":{}}`. */
export function setOf(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}
