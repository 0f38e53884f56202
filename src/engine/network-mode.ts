/** Which network a container is in, from the word that the user gave. */
import type { Engine } from './engine.ts';
import { joinedContainer } from './spec/modes.ts';

/** `bridge` stands for one or several bridges, the default one or the user's. */
export type NetworkKind = 'bridge' | 'host' | 'none' | 'container';

/** What sort of network a mode means. Whether a bridge of that name is there, is another question. */
export function networkKind(engine: Pick<Engine, 'config'>, mode: string): NetworkKind {
  if (joinedContainer(mode) !== undefined) return 'container';
  if (mode === 'host' || mode === 'none') return mode;
  return isDefaultMode(mode) && engine.config.bridge === 'none' ? 'none' : 'bridge';
}

/** Does the mode mean the default bridge? */
export function isDefaultMode(mode: string): boolean {
  return mode === '' || mode === 'default' || mode === 'bridge';
}
