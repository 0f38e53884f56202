/** Where Docker's answers, and so Gantry's, differ from the document of 1.51: fields of older versions, and null where Go has no value. */
import type { Problem, ProblemKind } from './validate.ts';

export interface Difference {
  kind: ProblemKind;
  places: readonly string[];
  /** Only for clients before this version. */
  before?: string;
  why: string;
}

const within = (definition: string, fields: string): string[] =>
  fields.split(' ').map((field) => `${definition}.${field}`);

export const differences: readonly Difference[] = [
  {
    kind: 'null',
    places: within(
      'HostConfig',
      'BlkioDeviceReadBps BlkioDeviceWriteBps BlkioDeviceReadIOps BlkioDeviceWriteIOps DeviceCgroupRules DeviceRequests MemorySwappiness Binds VolumesFrom CapAdd CapDrop ExtraHosts GroupAdd Links SecurityOpt MaskedPaths ReadonlyPaths',
    ),
    why: 'Docker has null for a list that was not given',
  },
  {
    kind: 'null',
    places: [
      ...within('ContainerConfig', 'Volumes Entrypoint Cmd OnBuild'),
      ...within('EndpointSettings', 'Links Aliases DNSNames DriverOpts'),
      ...within('GET /containers/{id}/json', 'NetworkSettings.SecondaryIPAddresses'),
    ],
    why: 'Docker has null for a list or map that was not given',
  },
  { kind: 'null', places: ['IPAM.Options'], why: 'Docker has null for an address driver without options' },
  {
    kind: 'null',
    places: [
      'POST /networks/prune.NetworksDeleted',
      'POST /build/prune.CachesDeleted',
      'POST /containers/prune.ContainersDeleted',
      'POST /images/prune.ImagesDeleted',
      'POST /volumes/prune.VolumesDeleted',
    ],
    why: 'Docker has null where nothing was removed',
  },
  {
    kind: 'null',
    places: [
      ...within('Volume', 'Labels Options'),
      'ImageSummary.Labels',
      ...within('ImageConfig', 'Cmd Volumes Entrypoint OnBuild Labels'),
      'VolumeListResponse.Warnings',
      'ContainerUpdateResponse.Warnings',
      'PluginsInfo.Authorization',
      'SystemInfo.GenericResources',
      'SystemInfo.Warnings',
    ],
    why: 'Docker has null for what an object does not have',
  },
  {
    kind: 'unknown',
    places: within('EventMessage', 'status id from'),
    why: 'Docker sends what events were before 1.22 until 1.52',
  },
  {
    kind: 'unknown',
    places: within('SystemInfo', 'KernelMemory'),
    before: '1.42',
    why: 'a limit that is gone',
  },
  {
    kind: 'unknown',
    places: ['SystemInfo.ExecutionDriver'],
    before: '1.25',
    why: 'left over from execution drivers',
  },
  {
    kind: 'unknown',
    places: ['ImageSummary.VirtualSize', 'ImageInspect.VirtualSize'],
    before: '1.44',
    why: 'the size of an image had two names',
  },
  {
    kind: 'unknown',
    places: within('ImageInspect', 'Container ContainerConfig'),
    before: '1.45',
    why: 'an image was made by committing a container',
  },
  {
    kind: 'unknown',
    places: within(
      'ImageConfig',
      'Hostname Domainname AttachStdin AttachStdout AttachStderr Tty OpenStdin StdinOnce Image',
    ),
    before: '1.50',
    why: "an image's configuration had all fields of a container's",
  },
  {
    kind: 'unknown',
    places: ['ContainerConfig.MacAddress'],
    before: '1.44',
    why: 'a container had one hardware address',
  },
  {
    kind: 'null',
    places: within('GET /system/df', 'Images Containers Volumes BuildCache'),
    why: 'what was not asked for is null',
  },
  {
    kind: 'null',
    places: ['GET /exec/{id}/json.ExitCode'],
    why: 'a process that has not ended has no exit code',
  },
];

const byPlace = new Map<string, Difference[]>();
for (const difference of differences)
  for (const place of difference.places) byPlace.set(place, [...(byPlace.get(place) ?? []), difference]);

/** The entry that explains a problem met by a client of `version`. */
export function isKnown(problem: Problem, version: string): Difference | undefined {
  return byPlace
    .get(problem.place)
    ?.find(
      ({ kind, before }) =>
        kind === problem.kind && (before === undefined || minorOf(version) < minorOf(before)),
    );
}

function minorOf(version: string): number {
  return Number(version.split('.')[1]);
}
