/** Which containers a list shows: the filters of Docker's `ps`. */

import type { Container } from './container-table.ts';
import { networkIdOf } from './endpoint-view.ts';
import type { Engine } from './engine.ts';
import {
  booleanFilter,
  type Filters,
  filterValues,
  invalidFilter,
  matchesLabels,
  patternFilter,
  validateFilters,
} from './filters.ts';
import type { ContainerRecord, ContainerState } from './model.ts';
import { networksOf } from './networks-of-container.ts';
import { containerPorts, parsePortRange } from './ports.ts';
import { exitCodeOf, isActive } from './state.ts';

const known = new Set(
  'ancestor before exited expose health id is-task isolation label name network publish since status volume'.split(
    ' ',
  ),
);
const statuses: readonly ContainerState['status'][] = [
  'created',
  'running',
  'paused',
  'restarting',
  'removing',
  'exited',
  'dead',
];
const healths: readonly string[] = ['none', 'starting', 'healthy', 'unhealthy'];

type FilterEngine = Pick<Engine, 'containers' | 'images' | 'networks' | 'bridge' | 'id'>;
type Test = (container: Container) => boolean;

/**
 * Reads the filters once, for any number of containers. EngineError `invalid-argument` for unknown filters and values, `not-found` for
 * a container of `before` or `since` that isn't there.
 */
export function containerFilter(engine: FilterEngine, filters: Filters): Test {
  validateFilters(filters, known);
  const tests: Test[] = [
    ...nameTests(filters),
    ...stateTests(filters),
    ...timeTests(engine, filters),
    ...when(filters, 'ancestor', (values) => ancestorTest(engine, values)),
    ...when(filters, 'volume', volumeTest),
    ...when(filters, 'network', (values) => networkTest(engine, values)),
    ...when(filters, 'publish', (values) =>
      portTest('publish', values, ({ hostConfig }) => containerPorts([], hostConfig)),
    ),
    ...when(filters, 'expose', (values) =>
      portTest('expose', values, ({ config }) => containerPorts(config.exposedPorts, { portBindings: {} })),
    ),
  ];
  return (container) => tests.every((test) => test(container));
}

/** The test that `make` builds from a filter's values; none where it isn't given. */
function when(filters: Filters, name: string, make: (values: readonly string[]) => Test): Test[] {
  const values = filterValues(filters, name);
  return values.length === 0 ? [] : [make(values)];
}

function nameTests(filters: Filters): Test[] {
  const name = patternFilter(filters, 'name');
  const id = patternFilter(filters, 'id');
  const labels = filterValues(filters, 'label');
  return [
    (container) => name(container.name, `/${container.name}`),
    (container) => id(container.id),
    ({ record }) => matchesLabels(labels, record.config.labels),
  ];
}

function stateTests(filters: Filters): Test[] {
  const isTask = booleanFilter(filters, 'is-task', false);
  return [
    ...when(filters, 'status', statusTest),
    ...when(filters, 'exited', exitedTest),
    ...when(filters, 'health', healthTest),
    /* Swarm's tasks there are none. */
    () => !isTask,
  ];
}

function statusTest(values: readonly string[]): Test {
  const bad = values.find((value) => !statuses.some((status) => status === value));
  if (bad !== undefined) throw invalidFilter(`status=${bad}`, `it must be one of ${statuses.join(', ')}`);
  return (container) => values.includes(container.state.status);
}

/** Those that ran and ended with one of the codes. */
function exitedTest(values: readonly string[]): Test {
  const bad = values.find((value) => !/^-?\d{1,9}$/.test(value));
  if (bad !== undefined) throw invalidFilter(`exited=${bad}`, 'it must be an exit code');
  const codes = new Set(values.map(Number));
  return ({ state }) => !isActive(state) && state.status !== 'created' && codes.has(exitCodeOf(state));
}

function healthTest(values: readonly string[]): Test {
  const bad = values.find((value) => !healths.includes(value));
  if (bad !== undefined) throw invalidFilter(`health=${bad}`, `it must be one of ${healths.join(', ')}`);
  return ({ record }) => values.includes(record.health?.status ?? 'none');
}

function timeTests(engine: FilterEngine, filters: Filters): Test[] {
  const createdAt = (ref: string): number => engine.containers.resolve(ref).record.createdAt;
  return [
    ...when(filters, 'before', (values) => {
      const bound = Math.min(...values.map(createdAt));
      return ({ record }) => record.createdAt < bound;
    }),
    ...when(filters, 'since', (values) => {
      const bound = Math.max(...values.map(createdAt));
      return ({ record }) => record.createdAt > bound;
    }),
  ];
}

/** Made from one of the images, or from one that was built on it: its layers begin with the same ones. */
function ancestorTest(engine: FilterEngine, values: readonly string[]): Test {
  const ancestors = values.flatMap((value) => engine.images.find(value) ?? []);
  const ids = new Set(ancestors.map((image) => image.id));
  const tops = new Set(ancestors.flatMap((image) => image.chainIds.at(-1) ?? []));
  const decided = new Map<string, boolean>();
  return ({ record: { imageId } }) => {
    const before = decided.get(imageId);
    if (before !== undefined) return before;
    const descends = engine.images.find(imageId)?.chainIds.some((chainId) => tops.has(chainId)) === true;
    decided.set(imageId, ids.has(imageId) || descends);
    return ids.has(imageId) || descends;
  };
}

function volumeTest(values: readonly string[]): Test {
  return ({ record }) =>
    record.mounts.some(
      ({ name, source, destination }) => values.includes(name ?? source) || values.includes(destination),
    );
}

function networkTest(engine: FilterEngine, values: readonly string[]): Test {
  return ({ record }) =>
    Object.keys(networksOf(record)).some((name) => {
      const id = networkIdOf(engine, name);
      return values.some((value) => value === name || (value !== '' && id.startsWith(value)));
    });
}

function portTest(
  filter: string,
  values: readonly string[],
  portsOf: (record: ContainerRecord) => ReturnType<typeof containerPorts>,
): Test {
  const ranges = values.map((value) => {
    const range = parsePortRange(value);
    if (range === undefined)
      throw invalidFilter(`${filter}=${value}`, 'it must be a port such as 80/tcp, or a range');
    return range;
  });
  return ({ record }) =>
    portsOf(record).some(({ port, protocol }) =>
      ranges.some((range) => protocol === range.protocol && port >= range.first && port <= range.last),
    );
}
