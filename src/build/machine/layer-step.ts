/** A step that makes a layer: taken from the cache, or from one that was built elsewhere, or made now. */
import type { LayerOfImage } from '../../images/image-records.ts';
import type { LayerDraft } from '../../snapshots/layer-drafts.ts';
import type { KeyParts } from '../cache/cache-key.ts';
import type { BuildSession } from './build-session.ts';
import type { FileSystem, LayerResult } from './file-system.ts';
import { LayerStack } from './layer-stack.ts';
import type { StepVertex } from './progress.ts';

export interface LayerStep {
  below: FileSystem;
  /** All that the result depends on, but for what is below. */
  parts: KeyParts;
  /** The instruction, for whoever looks at the cache. */
  description: string;
  /** Why the cache is not asked; undefined where it is. */
  uncached: string | undefined;
  cacheMounts?: readonly string[];
  /** Fills the draft. What it throws is the build's failure. */
  produce: (draft: LayerDraft, vertex: StepVertex) => Promise<void>;
}

export async function makeLayer(
  session: BuildSession,
  step: LayerStep,
  vertex: StepVertex,
): Promise<LayerResult> {
  const parts = { below: step.below.key, ...step.parts };
  const answer = session.cache.find({
    parts,
    description: step.description,
    below: step.below.stack.keptNow,
  });
  const { key } = answer;
  if (step.uncached === undefined) {
    const found = answer.kind === 'hit' ? answer : await fetched(session, key, step, vertex);
    if (found !== undefined) return reuse(session, { ...step, key, found }, vertex);
  }
  const running = session.making.get(key);
  if (running !== undefined) return await shareMaking(running, vertex);
  vertex.missed(step.uncached ?? (answer.kind === 'miss' ? answer.reason : ''));
  const making = make(session, step, { key, parts }, vertex);
  making.catch(() => undefined);
  session.making.set(key, making);
  return await making;
}

/** The same step of another platform, or of a stage that says the same, is made once. */
async function shareMaking(making: Promise<LayerResult>, vertex: StepVertex): Promise<LayerResult> {
  const result = await making;
  vertex.cached();
  return result;
}

async function make(
  session: BuildSession,
  step: LayerStep,
  { key, parts }: { key: string; parts: KeyParts },
  vertex: StepVertex,
): Promise<LayerResult> {
  const draft = session.workshop.snapshots.drafts.begin();
  try {
    await step.produce(draft, vertex);
  } catch (error) {
    await session.workshop.snapshots.drafts.drop(draft);
    throw error;
  }
  const createdAt = Date.now();
  const stack = step.below.stack.withDraft(draft, (layers) =>
    remember(session, step, { key, parts, layers, createdAt }),
  );
  const keeping = stack.kept();
  // Whoever needs the layers hears of it.
  keeping.catch(() => undefined);
  session.background.add(keeping);
  return { stack, key, createdAt };
}

interface Found {
  layers: readonly LayerOfImage[];
  createdAt: number;
}

function reuse(
  session: BuildSession,
  { key, found, description, cacheMounts }: LayerStep & { key: string; found: Found },
  vertex: StepVertex,
): LayerResult {
  vertex.cached();
  note(session, { key, description, layers: found.layers, createdAt: found.createdAt, cacheMounts });
  return { stack: LayerStack.of(session.workshop, found.layers), key, createdAt: found.createdAt };
}

/** From a cache that was built elsewhere. What can't be had is made. */
async function fetched(
  session: BuildSession,
  key: string,
  step: LayerStep,
  vertex: StepVertex,
): Promise<Found | undefined> {
  const found = session.imported?.find(key);
  if (found === undefined) return undefined;
  try {
    const layers = await found.fetch(session.signal);
    session.workshop.lease.add(...layers.flatMap(({ chainId, blob }) => [chainId, blob.digest]));
    const parts = { below: step.below.key, ...step.parts };
    remember(session, step, { key, parts, layers, createdAt: found.createdAt });
    return { layers, createdAt: found.createdAt };
  } catch (error) {
    session.signal.throwIfAborted();
    vertex.log(
      `importing from the cache failed: ${error instanceof Error ? error.message : String(error)}\n`,
    );
    return undefined;
  }
}

function remember(
  session: BuildSession,
  { description, below, cacheMounts }: LayerStep,
  result: { key: string; parts: KeyParts; layers: readonly LayerOfImage[]; createdAt: number },
): void {
  const { layers } = result;
  const top = layers.at(-1);
  const size = top === undefined ? 0 : session.workshop.snapshots.layerSize(top.chainId);
  session.cache.put({ ...result, description, parent: below.key, size });
  note(session, { ...result, description, cacheMounts });
}

function note(
  session: BuildSession,
  {
    key,
    description,
    layers,
    createdAt,
    cacheMounts,
  }: Found & { key: string; description: string; cacheMounts: readonly string[] | undefined },
): void {
  session.used.add(key);
  session.steps.push({
    key,
    description,
    createdAt,
    layers,
    isOfTarget: false,
    cacheMounts: cacheMounts ?? [],
  });
}
