/** Puts the builder together from its parts. */
import type { Engine } from '../engine/engine.ts';
import { EngineError } from '../errors/engine-error.ts';
import type { Builder } from './build-types.ts';
import type { OutputParts } from './built-image.ts';

export interface BuilderOptions {
  /** Outputs beside the image store, and caches from elsewhere; an error in the build that asks for them without. */
  outputs?: OutputParts;
}

/** Takes away what a crash left of builds. Call it once an engine, after `createEngine`; `close` before the engine is closed. */
export async function createBuilder(_engine: Engine, _options: BuilderOptions = {}): Promise<Builder> {
  throw new EngineError('unavailable', 'builds are not served yet');
}
