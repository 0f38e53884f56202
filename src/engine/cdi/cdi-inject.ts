/** Puts devices into a container: a vendor's edits (CDI specification, containerEdits) applied to the OCI configuration. */
import { gatherDevices } from '../../host/devices.ts';
import type { RuntimeSpec, SpecDevice, SpecDeviceRule, SpecHook, SpecMount } from '../../oci/runtime-spec.ts';
import type { CdiDeviceNode, CdiEdits } from './cdi-spec.ts';

interface ResolvedNode {
  device: SpecDevice;
  rule: SpecDeviceRule;
}

/** Returns a new configuration. EngineError `internal` where a device node is missing on the host. */
export async function injectDevices(spec: RuntimeSpec, edits: readonly CdiEdits[]): Promise<RuntimeSpec> {
  if (edits.length === 0) return spec;
  const nodes = await Promise.all(edits.flatMap((one) => one.deviceNodes).map(resolveNode));
  const { resources } = spec.linux;
  return {
    ...spec,
    process: withProcess(spec.process, edits),
    mounts: [
      ...spec.mounts,
      ...edits
        .flatMap((one) => one.mounts)
        .map(mountOf)
        .sort(byDepth),
    ],
    linux: {
      ...spec.linux,
      devices: [...spec.linux.devices, ...nodes.map((node) => node.device)],
      resources: { ...resources, devices: [...resources.devices, ...nodes.map((node) => node.rule)] },
    },
    ...hooksOf(spec, edits),
  };
}

/** A later value of a variable counts. */
function withProcess(process: RuntimeSpec['process'], edits: readonly CdiEdits[]): RuntimeSpec['process'] {
  const variables = new Map(
    [...process.env, ...edits.flatMap((one) => one.env)].map((entry) => [nameOf(entry), entry]),
  );
  const gids = new Set([
    ...(process.user.additionalGids ?? []),
    ...edits.flatMap((one) => one.additionalGids),
  ]);
  return { ...process, env: [...variables.values()], user: { ...process.user, additionalGids: [...gids] } };
}

function nameOf(entry: string): string {
  return entry.split('=', 1)[0] ?? entry;
}

/** What the document leaves open is as the host's node has it. */
async function resolveNode(node: CdiDeviceNode): Promise<ResolvedNode> {
  const { path, hostPath = path, permissions = 'rwm' } = node;
  const complete = node.type !== undefined && node.major !== undefined && node.minor !== undefined;
  const request = { pathOnHost: hostPath, pathInContainer: path, cgroupPermissions: permissions };
  const found = complete ? undefined : (await gatherDevices([request], { privileged: false }))[0];
  const type = (node.type ?? found?.type) === 'b' ? 'b' : 'c';
  const numbers = { major: node.major ?? found?.major ?? 0, minor: node.minor ?? found?.minor ?? 0 };
  return {
    device: {
      type,
      path,
      ...numbers,
      fileMode: node.fileMode ?? (found === undefined ? 0o660 : found.mode & 0o777),
      uid: node.uid ?? found?.uid ?? 0,
      gid: node.gid ?? found?.gid ?? 0,
    },
    rule: { allow: true, type, ...numbers, access: permissions },
  };
}

function mountOf({ hostPath, containerPath, options, type }: CdiEdits['mounts'][number]): SpecMount {
  return {
    destination: containerPath,
    source: hostPath,
    type: type ?? 'bind',
    options: options.length > 0 ? options : ['ro', 'nosuid', 'nodev', 'rbind', 'rprivate'],
  };
}

function byDepth(one: SpecMount, other: SpecMount): number {
  return one.destination.split('/').length - other.destination.split('/').length;
}

function hooksOf(spec: RuntimeSpec, edits: readonly CdiEdits[]): Pick<RuntimeSpec, 'hooks'> {
  const hooks: Record<string, SpecHook[]> = { ...spec.hooks };
  for (const { hookName, path, args, env, timeout } of edits.flatMap((one) => one.hooks)) {
    const hook: SpecHook = {
      path,
      ...(args.length === 0 ? {} : { args }),
      ...(env.length === 0 ? {} : { env }),
      ...(timeout === undefined ? {} : { timeout }),
    };
    hooks[hookName] = [...(hooks[hookName] ?? []), hook];
  }
  return Object.keys(hooks).length === 0 ? {} : { hooks };
}
