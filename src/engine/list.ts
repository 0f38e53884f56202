/** Containers as `ps` lists them: from memory, without waiting for anyone. */
import { containerFilter } from './container-filters.ts';
import type { Container } from './container-table.ts';
import type { ContainerSummary } from './container-views.ts';
import { endpointViews, portSummaries } from './endpoint-view.ts';
import type { Engine } from './engine.ts';
import { type Filters, filterValues } from './filters.ts';
import { linkNames } from './links.ts';
import { type LayerEngine, layerSize } from './sizes/sizes.ts';
import { isActive } from './state.ts';
import { statusText } from './status-text.ts';

export interface ListQuestion {
  /** Those that don't run, too. Implied by a filter for a status. */
  all: boolean;
  /** The newest so many, whatever their state; 0 for no limit. */
  limit: number;
  /** Measure the read-write layers; takes a walk through each. */
  size: boolean;
  filters: Filters;
}

type ListEngine = Pick<
  Engine,
  'containers' | 'images' | 'networks' | 'bridge' | 'id' | 'snapshots' | 'sizes'
>;

/** Newest first. EngineErrors as from `containerFilter`. */
export async function listContainers(
  engine: ListEngine,
  question: ListQuestion,
): Promise<ContainerSummary[]> {
  const wanted = containerFilter(engine, question.filters);
  const everyState =
    question.all || question.limit > 0 || filterValues(question.filters, 'status').length > 0;
  const shown = engine.containers
    .list()
    .filter(({ record }) => record.hidden !== true)
    .filter((container) => (everyState || isActive(container.state)) && wanted(container))
    .sort((one, other) => other.record.createdAt - one.record.createdAt);
  const limited = question.limit > 0 ? shown.slice(0, question.limit) : shown;
  const imageNameOf = imageNames(engine);
  const more = { imageNameOf, linkNames: linkNames(engine), now: Date.now() };
  const summaries = limited.map((container) => summarize(engine, container, more));
  return question.size ? Promise.all(summaries.map((summary) => withSizes(engine, summary))) : summaries;
}

/** The name by which a container's image was asked for, while it still leads there; looked up once for each name. */
function imageNames(engine: Pick<Engine, 'images'>): (container: Container) => string {
  const idOf = new Map<string, string | undefined>();
  return ({ record: { config, imageId } }) => {
    if (!idOf.has(config.image)) idOf.set(config.image, engine.images.find(config.image)?.id);
    return idOf.get(config.image) === imageId ? config.image : imageId;
  };
}

interface SummaryFacts {
  imageNameOf: (container: Container) => string;
  linkNames: ReadonlyMap<string, string[]>;
  now: number;
}

function summarize(
  engine: ListEngine,
  container: Container,
  { imageNameOf, linkNames, now }: SummaryFacts,
): ContainerSummary {
  const { record } = container;
  return {
    id: record.id,
    names: [`/${record.name}`, ...(linkNames.get(record.id) ?? [])].sort(),
    image: imageNameOf(container),
    imageId: record.imageId,
    command: commandText(record.path, record.args),
    createdAt: record.createdAt,
    ports: portSummaries(engine, record),
    labels: record.config.labels,
    state: record.state.status,
    status: statusText(record.state, now, record.health),
    networkMode: record.hostConfig.networkMode,
    annotations: record.hostConfig.annotations,
    networks: endpointViews(engine, record),
    mounts: record.mounts,
  };
}

/** Words with blanks in quotes, as Docker writes it. */
function commandText(path: string, args: readonly string[]): string {
  return [path, ...args.map((arg) => (arg.includes(' ') ? `'${arg}'` : arg))].join(' ');
}

async function withSizes(engine: ListEngine, summary: ContainerSummary): Promise<ContainerSummary> {
  return { ...summary, ...(await containerSizes(engine, summary)) };
}

/** Bytes of the read-write layer, and of all layers together. */
export async function containerSizes(
  engine: LayerEngine & Pick<Engine, 'images'>,
  { id, imageId }: { id: string; imageId: string },
): Promise<{ sizeRw: number; sizeRootFs: number }> {
  const sizeRw = await layerSize(engine, id);
  return { sizeRw, sizeRootFs: sizeRw + (engine.images.find(imageId)?.size ?? 0) };
}
