/** Images that stages stand on, or read from: those that are here first, the registries' otherwise. */
import type { Engine } from '../../engine/engine.ts';
import { pullImage } from '../../engine/images.ts';
import { EngineError, isEngineError } from '../../errors/engine-error.ts';
import type { Image, RegistryAuth } from '../../images/image-types.ts';
import { formatPlatform, type Platform, platformMatches } from '../../oci/platform.ts';
import { canonicalReference, parseReference, withDefaultTag } from '../../oci/reference.ts';
import type { BuildRequest, NamedContext } from '../build-types.ts';
import { loadLayout } from './layout-image.ts';
import type { Progress, StepVertex } from './progress.ts';

type LayoutContext = Extract<NamedContext, { kind: 'oci-layout' }>;

/** One build's. */
export class BaseImages {
  readonly #engine: Engine;
  readonly #request: BuildRequest;
  readonly #progress: Progress;
  readonly #signal: AbortSignal;
  readonly #found = new Map<string, Promise<Image>>();

  constructor(engine: Engine, request: BuildRequest, progress: Progress, signal: AbortSignal) {
    this.#engine = engine;
    this.#request = request;
    this.#progress = progress;
    this.#signal = signal;
  }

  /** Each image once a build. EngineErrors as from a pull, in Docker's words. */
  find(name: string, platform: Platform): Promise<Image> {
    const key = `${name} ${formatPlatform(platform)}`;
    const known = this.#found.get(key);
    if (known !== undefined) return known;
    const found = this.#resolve(name, platform);
    this.#found.set(key, found);
    found.catch(() => undefined);
    return found;
  }

  /** The image of a context that is one: named by reference, or in a layout at the client's. Undefined for one of files. */
  ofContext(name: string, platform: Platform): Promise<Image> | undefined {
    const context = this.#request.namedContexts.get(name);
    if (context?.kind === 'image') return this.find(context.reference, platform);
    if (context?.kind !== 'oci-layout') return undefined;
    const key = `oci-layout ${context.digest} ${formatPlatform(platform)}`;
    const found = this.#found.get(key) ?? this.#fromLayout(name, context, platform);
    this.#found.set(key, found);
    found.catch(() => undefined);
    return found;
  }

  #fromLayout(name: string, { digest, open }: LayoutContext, platform: Platform): Promise<Image> {
    const step = { name: `[context ${name}] load image from client`, identity: formatPlatform(platform) };
    return this.#progress.step(step, () => loadLayout(this.#engine, digest, open, platform, this.#signal));
  }

  #resolve(name: string, platform: Platform): Promise<Image> {
    const canonical = canonicalReference(withDefaultTag(parseReference(name)));
    const step = {
      name: `[internal] load metadata for ${canonical}`,
      identity: formatPlatform(platform),
    };
    return this.#progress.step(step, async (vertex) => {
      const here = this.#request.pull ? undefined : this.#local(name, platform);
      return here ?? (await this.#pull(name, platform, vertex));
    });
  }

  #local(name: string, platform: Platform): Image | undefined {
    const image = this.#engine.images.find(name);
    if (image === undefined) return undefined;
    const { os, architecture, variant } = image.config;
    const offered = { os, architecture, ...(variant === undefined ? {} : { variant }) };
    return platformMatches(platform, offered) ? image : undefined;
  }

  async #pull(name: string, platform: Platform, vertex: StepVertex): Promise<Image> {
    const auth = await this.#auth(name);
    try {
      return await pullImage(this.#engine, {
        reference: name,
        platform: formatPlatform(platform),
        ...(auth === undefined ? {} : { auth }),
        progress: ({ status = '', id = '', current, total }) => {
          if (id === '') vertex.log(`${status}\n`);
          else
            vertex.progress({
              id: `${status} ${id}`,
              name: status,
              current: current ?? 0,
              total: total ?? 0,
            });
        },
        signal: this.#signal,
      });
    } catch (error) {
      throw withName(error, name);
    }
  }

  async #auth(name: string): Promise<RegistryAuth | undefined> {
    return await this.#request.secrets.credentials(parseReference(name).domain, this.#signal);
  }
}

/** In the words of Docker's builder, so that one sees which of the images it was. */
function withName(error: unknown, name: string): unknown {
  if (!isEngineError(error) || error.code === 'cancelled') return error;
  const canonical = canonicalReference(withDefaultTag(parseReference(name)));
  return new EngineError(error.code, `failed to resolve source metadata for ${canonical}: ${error.message}`, {
    cause: error,
    details: error.details,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
  });
}
