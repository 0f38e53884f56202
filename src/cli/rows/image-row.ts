/** An image as rows of `gantry images`: one for each of its names. */
import type { ImageSummary } from '../../wire/image.ts';
import { parseImageName } from '../image-name.ts';
import type { RowFormat } from '../output/format-rows.ts';
import { ago, humanSize, localTime, shortId } from '../output/human.ts';
import { GoRow } from '../template/value.ts';

export function imageLayout(digests: boolean): RowFormat {
  const created = '{{if .CreatedSince }}{{.CreatedSince}}{{else}}N/A{{end}}';
  const digest = digests ? '\t{{.Digest}}' : '';
  return {
    columns: `{{.Repository}}\t{{.Tag}}${digest}\t{{.ID}}\t${created}\t{{.Size}}`,
    quiet: '{{.ID}}',
    headings: {
      ID: 'IMAGE ID',
      Repository: 'REPOSITORY',
      Tag: 'TAG',
      Digest: 'DIGEST',
      CreatedSince: 'CREATED',
      CreatedAt: 'CREATED AT',
      Size: 'SIZE',
      Containers: 'CONTAINERS',
      VirtualSize: 'SIZE',
      SharedSize: 'SHARED SIZE',
      UniqueSize: 'UNIQUE SIZE',
    },
  };
}

interface Options {
  /** A row for each digest too. */
  digests: boolean;
  truncate: boolean;
}

interface Named {
  repository: string;
  tag: string;
  digest: string;
}

const none = '<none>';

export function imageRows(image: ImageSummary, options: Options): GoRow[] {
  return namesOf(image, options.digests).map((name) => imageRow(image, name, options.truncate));
}

function namesOf(image: ImageSummary, digests: boolean): Named[] {
  const tags = (image.RepoTags ?? []).filter((name) => name !== `${none}:${none}`).map(parseImageName);
  const known = (image.RepoDigests ?? []).filter((name) => name !== `${none}@${none}`).map(parseImageName);
  if (tags.length === 0 && known.length === 0) return [{ repository: none, tag: none, digest: none }];
  const rows = tags.flatMap(({ familiar, tag = none }): Named[] => {
    const own = known.filter((name) => digests && name.familiar === familiar);
    if (own.length === 0) return [{ repository: familiar, tag, digest: none }];
    return own.map(({ digest = none }) => ({ repository: familiar, tag, digest }));
  });
  const untagged = known.filter(({ familiar }) => !tags.some((name) => name.familiar === familiar));
  if (digests)
    return [
      ...rows,
      ...untagged.map(({ familiar, digest = none }) => ({ repository: familiar, tag: none, digest })),
    ];
  const repositories = [...new Set(untagged.map(({ familiar }) => familiar))];
  return [...rows, ...repositories.map((repository) => ({ repository, tag: none, digest: '' }))];
}

function imageRow(image: ImageSummary, { repository, tag, digest }: Named, truncate: boolean): GoRow {
  const orUnknown = (value: number, text: () => string) => (value === -1 ? 'N/A' : text());
  return new GoRow('image', {
    ID: () => (truncate ? shortId(image.Id) : image.Id),
    Repository: () => repository,
    Tag: () => tag,
    Digest: () => digest,
    CreatedSince: () => (image.Created === 0 ? 'N/A' : ago(image.Created)),
    CreatedAt: () => localTime(image.Created),
    Size: () => humanSize(image.Size, 3),
    Containers: () => orUnknown(image.Containers, () => String(image.Containers)),
    VirtualSize: () => humanSize(image.Size),
    SharedSize: () => orUnknown(image.SharedSize, () => humanSize(image.SharedSize, 3)),
    UniqueSize: () => orUnknown(image.SharedSize, () => humanSize(image.Size - image.SharedSize)),
  });
}
