/** A container as a row of `gantry ps`. */
import type { ContainerSummary } from '../../wire/container.ts';
import { parseImageName } from '../image-name.ts';
import { joinLabels, labelMethod, type RowFormat } from '../output/format-rows.ts';
import { ago, ellipsis, humanSize, localTime, shortId } from '../output/human.ts';
import { GoNil, GoRow } from '../template/value.ts';
import { displayPorts } from './display-ports.ts';

const columns = '{{.ID}}\t{{.Image}}\t{{.Command}}\t{{.RunningFor}}\t{{.Status}}\t{{.Ports}}\t{{.Names}}';

export function containerLayout(size: boolean): RowFormat {
  return {
    columns: size ? `${columns}\t{{.Size}}` : columns,
    quiet: '{{.ID}}',
    headings: {
      ID: 'CONTAINER ID',
      Names: 'NAMES',
      Image: 'IMAGE',
      Command: 'COMMAND',
      CreatedAt: 'CREATED AT',
      RunningFor: 'CREATED',
      Ports: 'PORTS',
      State: 'STATE',
      Status: 'STATUS',
      Size: 'SIZE',
      Labels: 'LABELS',
      Mounts: 'MOUNTS',
      LocalVolumes: 'LOCAL VOLUMES',
      Networks: 'NETWORKS',
    },
  };
}

export function containerRow(container: ContainerSummary, truncate: boolean): GoRow {
  const mounts = container.Mounts ?? [];
  return new GoRow('container', {
    ID: () => (truncate ? shortId(container.Id) : container.Id),
    Names: () => namesOf(container, truncate).join(','),
    Image: () => imageOf(container, truncate),
    Command: () => JSON.stringify(truncate ? ellipsis(container.Command, 20) : container.Command),
    CreatedAt: () => localTime(container.Created),
    RunningFor: () => ago(container.Created),
    Ports: () => displayPorts(container.Ports ?? []),
    State: () => container.State,
    Status: () => container.Status,
    Size: () => sizeOf(container),
    Labels: () => joinLabels(container.Labels),
    Label: labelMethod(container.Labels),
    Mounts: () =>
      mounts
        .map(({ Name, Source }) => Name || Source)
        .map((name) => (truncate ? ellipsis(name, 15) : name))
        .join(','),
    LocalVolumes: () => String(mounts.filter(({ Driver }) => Driver === 'local').length),
    // Docker fills it in where images of several platforms are kept.
    Platform: () => new GoNil('pointer'),
    Networks: () => Object.keys(container.NetworkSettings?.Networks ?? {}).join(','),
  });
}

/** Names of links have a second slash, and are left out of the short form. */
function namesOf(container: ContainerSummary, truncate: boolean): string[] {
  const names = container.Names.map((name) => name.replace(/^\//, ''));
  return truncate ? names.filter((name) => !name.includes('/')) : names;
}

function imageOf(container: ContainerSummary, truncate: boolean): string {
  if (container.Image === '') return '<no image>';
  if (!truncate) return container.Image;
  if (shortId(container.ImageID) === shortId(container.Image)) return shortId(container.Image);
  if (!container.Image.includes('@')) return container.Image;
  const { familiar, tag } = parseImageName(container.Image);
  return tag === undefined ? container.Image : `${familiar}:${tag}`;
}

function sizeOf({ SizeRw = 0, SizeRootFs = 0 }: ContainerSummary): string {
  const own = humanSize(SizeRw, 3);
  return SizeRootFs > 0 ? `${own} (virtual ${humanSize(SizeRootFs, 3)})` : own;
}
