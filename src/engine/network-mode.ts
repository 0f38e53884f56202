/** Which network a container is in, from the word that the user gave. */
import { EngineError } from '../errors/engine-error.ts';
import type { Engine } from './engine.ts';
import { joinedContainer } from './spec/modes.ts';

export type NetworkKind = 'bridge' | 'host' | 'none' | 'container';

/** EngineError `not-found` "network X not found" for a word that is no network here. */
export function networkKind(engine: Pick<Engine, 'bridge' | 'config'>, mode: string): NetworkKind {
  if (joinedContainer(mode) !== undefined) return 'container';
  if (mode === 'host' || mode === 'none') return mode;
  const { id, name } = engine.bridge.description;
  const isBridge = ['', 'default', 'bridge', name, id].includes(mode);
  if (isBridge) return engine.config.bridge === 'none' ? 'none' : 'bridge';
  throw new EngineError('not-found', `network ${mode} not found`, {
    hint: 'use bridge, host, none or container:NAME',
  });
}
