/** What a container's creation means from an older client, which knows less and expects other defaults. */
import type { ContainerConfig, HostConfig, MountRequest } from '../engine/model.ts';
import { compareApiVersions } from '../wire/api-version.ts';

export interface CreateFields {
  config: ContainerConfig;
  hostConfig: HostConfig;
}

/** Takes away what did not exist yet in `version`, and puts in the defaults of its day. */
export function forVersion({ config, hostConfig }: CreateFields, version: string): CreateFields {
  const isBefore = (other: string): boolean => compareApiVersions(version, other) < 0;
  const host = { ...hostConfig, mounts: hostConfig.mounts.map((mount) => mountFor(mount, isBefore)) };
  /* Up to 1.24 the client itself removed a container that has ended. */
  if (isBefore('1.25')) host.autoRemove = false;
  if (isBefore('1.40') && host.ipcMode === '') host.ipcMode = 'shareable';
  if (isBefore('1.41') && host.cgroupnsMode === '') host.cgroupnsMode = 'host';
  if (isBefore('1.42')) host.consoleSize = [0, 0];
  if (isBefore('1.43')) host.annotations = ownAnnotations(host.annotations);
  return { config: isBefore('1.44') ? withoutStartInterval(config) : config, hostConfig: host };
}

/** What bounds a container is never left out, whoever asks. */
function ownAnnotations(annotations: HostConfig['annotations']): HostConfig['annotations'] {
  return Object.fromEntries(Object.entries(annotations).filter(([key]) => /^gantry\./i.test(key)));
}

function withoutStartInterval(config: ContainerConfig): ContainerConfig {
  const { healthcheck } = config;
  return healthcheck === undefined
    ? config
    : { ...config, healthcheck: { ...healthcheck, startInterval: 0 } };
}

function mountFor(mount: MountRequest, isBefore: (version: string) => boolean): MountRequest {
  if (mount.type === 'bind' && isBefore('1.44')) return bindFor(mount, isBefore);
  if (mount.volume === undefined || !isBefore('1.45')) return mount;
  const { subpath: _, ...volume } = mount.volume;
  return { ...mount, volume };
}

/** Before 1.44 a read-only bind mount left the mounts within it writable. */
function bindFor(mount: MountRequest, isBefore: (version: string) => boolean): MountRequest {
  const { bind } = mount;
  if (bind === undefined && !mount.readOnly) return mount;
  return {
    ...mount,
    bind: {
      ...(bind?.propagation === undefined ? {} : { propagation: bind.propagation }),
      nonRecursive: isBefore('1.40') ? false : (bind?.nonRecursive ?? false),
      createMountpoint: isBefore('1.42') ? false : (bind?.createMountpoint ?? false),
      readOnlyNonRecursive: mount.readOnly,
      readOnlyForceRecursive: false,
    },
  };
}
