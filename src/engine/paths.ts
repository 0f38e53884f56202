/** Where a container's files are: those that last below the data root, those of this boot below the exec root. */
import { join } from 'node:path';
import type { DaemonConfig } from './daemon-config.ts';

type Roots = Pick<DaemonConfig, 'dataRoot' | 'execRoot'>;

export interface ContainerFiles {
  directory: string;
  log: string;
  hosts: string;
  hostname: string;
  resolvConf: string;
}

/** Directory of all containers' lasting files, one below it for each. */
export function containersRoot(roots: Roots): string {
  return join(roots.dataRoot, 'containers');
}

export function containerFiles(roots: Roots, id: string): ContainerFiles {
  const directory = join(containersRoot(roots), id);
  return {
    directory,
    log: join(directory, `${id}-json.log`),
    hosts: join(directory, 'hosts'),
    hostname: join(directory, 'hostname'),
    resolvConf: join(directory, 'resolv.conf'),
  };
}

export interface BundleFiles {
  directory: string;
  /** config.json of the OCI runtime specification. */
  config: string;
  /** Where the shim mounts the root file system. */
  root: string;
}

/** Directory of all bundles (OCI runtime-spec, bundle.md), one below it for each container that runs. */
export function bundlesRoot(roots: Roots): string {
  return join(roots.execRoot, 'bundles');
}

export function bundleFiles(roots: Roots, id: string): BundleFiles {
  const directory = join(bundlesRoot(roots), id);
  return { directory, config: join(directory, 'config.json'), root: join(directory, 'rootfs') };
}

/** The OCI process document of an exec. */
export function execProcessFile(roots: Roots, containerId: string, execId: string): string {
  return join(bundlesRoot(roots), containerId, `exec-${execId}.json`);
}

/** The memory that a container of `--ipc=shareable` shares. */
export function sharedMemoryRoot(roots: Roots): string {
  return join(roots.execRoot, 'shm');
}

export function sharedMemoryPath(roots: Roots, id: string): string {
  return join(sharedMemoryRoot(roots), id);
}
