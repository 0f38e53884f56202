/** What a new container is, once image and daemon have filled in what the user left open. */
import { EngineError } from '../errors/engine-error.ts';
import type { Image } from '../images/image-types.ts';
import type { CreateRequest } from './create-request.ts';
import type { Engine } from './engine.ts';
import { linksById } from './links.ts';
import { completeLogConfig } from './log/drivers.ts';
import type { ContainerConfig, HostConfig } from './model.ts';
import { mergeConfig } from './process-args.ts';
import { defaultRuntimeName } from './runtimes.ts';
import { completeHostConfig } from './spec/host-config.ts';
import { joinedContainer } from './spec/modes.ts';

export interface Completed {
  config: ContainerConfig;
  hostConfig: HostConfig;
}

/** EngineErrors: `not-found` for a container to join, `invalid-argument` "no command specified". */
export function completeRequest(
  engine: Engine,
  id: string,
  image: Image,
  request: Pick<CreateRequest, 'config' | 'hostConfig'>,
): Completed {
  const hostConfig = completeOwn(engine, request.hostConfig);
  const merged = mergeConfig(request.config, image.config.config ?? {});
  return { hostConfig, config: { ...merged, hostname: hostnameOf(engine, id, merged, hostConfig) } };
}

function completeOwn(engine: Engine, own: HostConfig): HostConfig {
  const { config, host } = engine;
  const asked: HostConfig = {
    ...own,
    ipcMode: joinById(engine, own.ipcMode || config.defaultIpcMode),
    pidMode: joinById(engine, own.pidMode),
    networkMode: joinById(engine, own.networkMode || 'default'),
    cgroupnsMode: own.cgroupnsMode || config.defaultCgroupnsMode,
    runtime: own.runtime || defaultRuntimeName(config, host),
    logConfig: completeLogConfig(own.logConfig, config),
    links: linksById(engine, own),
    restartPolicy: { ...own.restartPolicy, name: own.restartPolicy.name || 'no' },
  };
  return completeHostConfig(asked, host, { shmSize: config.defaultShmSize });
}

/** A container is joined by its ID: its name may become another's. */
function joinById(engine: Engine, mode: string): string {
  const joined = joinedContainer(mode);
  if (joined === undefined || joined === '') return mode;
  return `container:${engine.containers.resolve(joined).id}`;
}

/** The short ID where the user names none. The host's own where its network is shared; that of the container whose network is shared. */
function hostnameOf(engine: Engine, id: string, config: ContainerConfig, hostConfig: HostConfig): string {
  const { hostname } = config;
  if (hostname !== '') return checkedHostname(hostname);
  if (hostConfig.networkMode === 'host') return engine.host.hostname;
  const joined = joinedContainer(hostConfig.networkMode);
  if (joined !== undefined && joined !== '') return engine.containers.resolve(joined).record.config.hostname;
  return id.slice(0, 12);
}

/** sethostname(2) takes 64 bytes. */
function checkedHostname(hostname: string): string {
  if (Buffer.byteLength(hostname) <= 64 && !/[\s/]/.test(hostname)) return hostname;
  throw new EngineError('invalid-argument', `invalid hostname format: ${hostname}`, {
    hint: 'use at most 64 characters, without spaces',
  });
}
