/** Images with all of their names and platforms: `gantry images --tree`. */
import type { ImageManifestSummary, ImageSummary } from '../../wire/image.ts';
import type { Style } from '../help/style.ts';
import { humanSize, shortId } from './human.ts';

/** Cells of one line; only the last line of several names has more than the first. */
type Line = readonly string[];

const headings = ['IMAGE', 'ID', 'DISK USAGE', 'CONTENT SIZE', 'EXTRA'];
/** Columns of numbers stand to the right. */
const numeric = new Set([2, 3]);

/** `used` are IDs of images that containers were made of. */
export function imageTree(images: readonly ImageSummary[], used: ReadonlySet<string>, style: Style): string {
  const lines = images.flatMap((image) => [...imageLines(image, used), ...manifestLines(image)]);
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...lines.map((cells) => (cells[column] ?? '').length)),
  );
  const head = style.bold(layOut(headings, widths));
  return [legend(widths, style), '', head, ...lines.map((cells) => layOut(cells, widths))]
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function legend(widths: readonly number[], style: Style): string {
  const text = 'Info ->  U In Use';
  const width = widths.reduce((sum, one) => sum + one + 3, -3);
  return ' '.repeat(Math.max(0, width - text.length)) + style.dim(text);
}

function imageLines(image: ImageSummary, used: ReadonlySet<string>): Line[] {
  const tags = (image.RepoTags ?? []).filter((tag) => tag !== '<none>:<none>');
  const names = tags.length === 0 ? ['<untagged>'] : tags;
  const manifests = image.Manifests ?? [];
  const content = manifests.reduce((sum, { Size }) => sum + Size.Content, 0);
  const isUsed = used.has(image.Id) || manifests.some(isManifestUsed);
  const facts = [shortId(image.Id), humanSize(image.Size, 3), humanSize(content, 3), isUsed ? 'U' : ''];
  return names.map((name, index) => (index === names.length - 1 ? [name, ...facts] : [name]));
}

function manifestLines({ Manifests = [] }: ImageSummary): Line[] {
  const platforms = Manifests.filter(({ Kind, Available }) => Kind === 'image' && Available);
  return platforms.map((manifest, index): Line => {
    const branch = index === platforms.length - 1 ? '└─' : '├─';
    const { Content, Total } = manifest.Size;
    return [
      `${branch} ${platformName(manifest)}`,
      shortId(manifest.ID),
      humanSize(Total, 3),
      humanSize(Content, 3),
      isManifestUsed(manifest) ? 'U' : '',
    ];
  });
}

function isManifestUsed({ ImageData }: ImageManifestSummary): boolean {
  return (ImageData?.Containers ?? []).length > 0;
}

function platformName({ ImageData }: ImageManifestSummary): string {
  if (ImageData === undefined) return '<unknown>';
  const { os, architecture, variant = '' } = ImageData.Platform;
  return [os, architecture, variant].filter(Boolean).join('/');
}

function layOut(cells: Line, widths: readonly number[]): string {
  const padded = cells.map((cell, column) => {
    const width = widths[column] ?? 0;
    return numeric.has(column) ? cell.padStart(width) : cell.padEnd(width);
  });
  return padded.join('   ').trimEnd();
}
