/** Goes through the stages that a target needs: each begins when somebody asks for it, and all of them run side by side. */
import type { Image } from '../../images/image-types.ts';
import { hostPlatform, type Platform } from '../../oci/platform.ts';
import type { SourceText } from '../dockerfile/errors.ts';
import type { PlannedStage, StagePlan } from '../dockerfile/stage-plan.ts';
import { StageScope } from '../dockerfile/stage-scope.ts';
import type { Source } from '../dockerfile/stage-sources.ts';
import { withTriggers } from '../dockerfile/stages.ts';
import type { BuildSession } from './build-session.ts';
import { contextPaths } from './context-paths.ts';
import { emptyImage, imageStateOf } from './image-state.ts';
import { takeInstruction } from './instruction-step.ts';
import { LayerStack } from './layer-stack.ts';
import { makeLayer } from './layer-step.ts';
import type { VertexInput } from './progress.ts';
import type { StageFiles, StageResult } from './stage-result.ts';
import type { StepFiles } from './step-files.ts';
import { StepNames } from './step-names.ts';

/** One platform's stages. */
export class StageRunner implements StageFiles {
  readonly session: BuildSession;
  readonly target: Platform;
  readonly source: SourceText;
  readonly #hasContext: (name: string) => boolean;
  readonly #running = new Map<number, Promise<StageResult>>();
  readonly #names: StepNames;
  #plan: StagePlan;

  constructor(session: BuildSession, plan: StagePlan, target: Platform, isOneOfSeveral: boolean) {
    this.session = session;
    this.target = target;
    this.source = plan.scope.source;
    this.#plan = plan;
    this.#hasContext = (name) => session.request.namedContexts.has(name);
    this.#names = new StepNames(plan, isOneOfSeveral ? target : undefined);
  }

  /** The target, at its end. */
  async run(): Promise<StageResult> {
    // All that is needed begins at once; the first that fails ends the build.
    await Promise.all(this.#plan.needed.map((index) => this.stage(index)));
    return await this.stage(this.#plan.target);
  }

  /** A stage at its end. */
  stage(index: number): Promise<StageResult> {
    const known = this.#running.get(index);
    if (known !== undefined) return known;
    const running = this.#runStage(index);
    running.catch(() => undefined);
    this.session.background.add(running);
    this.#running.set(index, running);
    return running;
  }

  async filesOf(source: Source | undefined): Promise<StepFiles> {
    const { snapshots } = this.session.workshop;
    switch (source?.kind) {
      case undefined:
        return await this.session.contexts.files('');
      case 'scratch':
        return layered([]);
      case 'stage': {
        const layers = await (await this.stage(source.index)).stack.kept();
        return layered(snapshots.trees(layers.map(({ chainId }) => chainId)));
      }
      case 'image':
        return this.#filesOfImage(await this.session.bases.find(source.reference, this.target));
      case 'context': {
        const image = await this.session.bases.ofContext(source.name, this.target);
        return image === undefined
          ? await this.session.contexts.files(source.name)
          : this.#filesOfImage(image);
      }
    }
  }

  #filesOfImage(image: Image): StepFiles {
    const { snapshots, builds, lease } = this.session.workshop;
    for (const { chainId, blob } of builds.ofImage(image.id)) lease.add(chainId, blob.digest);
    return layered(snapshots.trees(image.chainIds));
  }

  async #runStage(index: number): Promise<StageResult> {
    let state = await this.#begin(index);
    const planned = this.#planned(index);
    const names = this.#names.ofStage(planned);
    for (const instruction of planned.instructions) {
      this.session.signal.throwIfAborted();
      state = await takeInstruction(this.session, {
        runner: this,
        planned,
        instruction,
        state,
        name: names.next(instruction),
        uncached: this.#uncached(planned),
      });
    }
    return state;
  }

  #planned(index: number): PlannedStage {
    const planned = this.#plan.stages[index];
    if (planned === undefined) throw new Error(`no stage ${index}`);
    return planned;
  }

  async #begin(index: number): Promise<StageResult> {
    const { base, platform = this.target } = this.#planned(index);
    switch (base.kind) {
      case 'scratch':
        return this.#onNothing(platform);
      case 'stage':
        return await this.#onStage(base.index);
      case 'image':
        return await this.#onImage(
          index,
          await this.session.bases.find(base.reference, platform),
          this.#names.ofStage(this.#planned(index)).from(base.reference),
        );
      case 'context':
        return await this.#onContext(index, base.name, platform);
    }
  }

  #onNothing(platform: Platform): StageResult {
    return {
      image: emptyImage(platform),
      scope: StageScope.onImage(this.#plan.scope, []),
      stack: LayerStack.of(this.session.workshop, []),
      key: 'scratch',
      keys: [],
      baseLayers: 0,
      baseImageId: undefined,
    };
  }

  async #onStage(index: number): Promise<StageResult> {
    const below = await this.stage(index);
    return { ...below, image: { ...below.image, hasCmd: false }, scope: below.scope.child() };
  }

  async #onContext(index: number, name: string, platform: Platform): Promise<StageResult> {
    const image = await this.session.bases.ofContext(name, platform);
    if (image !== undefined)
      return await this.#onImage(index, image, this.#names.ofStage(this.#planned(index)).context(name));
    const nothing = this.#onNothing(platform);
    const files = await this.session.contexts.files(name);
    const operation = { sources: [{ kind: 'files', ...files, patterns: ['/'] }] } as const;
    const step = this.#names.ofStage(this.#planned(index)).context(name);
    const made = await this.session.progress.step(step, async (vertex) =>
      makeLayer(
        this.session,
        {
          below: nothing,
          description: `FROM ${name}`,
          uncached: this.#uncached(this.#planned(index)),
          parts: {
            kind: 'context',
            files: await this.session.files.digestOf(operation, this.session.signal),
          },
          produce: async ({ upper, work }) => {
            const target = { upper, work, lower: [] };
            const whole = { ...operation, keyword: 'COPY', destination: '/', workdir: '/', target } as const;
            await this.session.files.copy(whole, this.session.signal);
          },
        },
        vertex,
      ),
    );
    return { ...nothing, ...made, keys: [made.key] };
  }

  async #onImage(index: number, image: Image, step: VertexInput): Promise<StageResult> {
    await this.session.progress.step(step, async (vertex) => vertex.cached());
    this.#takeTriggers(index, image);
    const layers = this.session.workshop.builds.ofImage(image.id);
    const own = platformOf(image);
    return {
      image: imageStateOf(image.config, own),
      scope: StageScope.onImage(this.#plan.scope, image.config.config?.Env ?? []),
      stack: LayerStack.of(this.session.workshop, layers),
      key: layers.at(-1)?.chainId ?? 'scratch',
      keys: [],
      baseLayers: layers.length,
      baseImageId: image.id,
    };
  }

  /** What ONBUILD of the base adds may need further stages. */
  #takeTriggers(index: number, image: Image): void {
    const triggers = image.config.config?.OnBuild ?? [];
    if (triggers.length === 0) return;
    this.#plan = withTriggers(this.#plan, index, triggers, { hasContext: this.#hasContext });
    this.session.contexts.want(contextPaths(this.#plan));
    for (const needed of this.#plan.needed) void this.stage(needed);
  }

  #uncached({ stage, label }: PlannedStage): string | undefined {
    const { noCache } = this.session.request;
    if (noCache === false) return undefined;
    const isMeant =
      noCache === true || noCache.some((name) => name === label || name === String(stage.index));
    return isMeant ? 'the cache was not to be used' : undefined;
  }
}

function platformOf({ config }: Image): Platform {
  const { os, architecture, variant } = config;
  const host = hostPlatform();
  return {
    os: os || host.os,
    architecture: architecture || host.architecture,
    ...(variant === undefined ? {} : { variant }),
  };
}

function layered(trees: readonly string[]): StepFiles {
  return { tree: { kind: 'layers', trees }, ignore: [] };
}
