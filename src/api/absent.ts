/** What Gantry has not: swarm mode and plugins, answered as a Docker without them answers, and what is yet to come. */
import { EngineError } from '../errors/engine-error.ts';
import type { Handler } from './call.ts';

/** Reads of a swarm that does not exist. */
export const noSwarm: Handler = () => {
  throw new EngineError(
    'unavailable',
    'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.',
  );
};

/** Answers 501 and says what is missing. */
export function notImplemented(what: string): Handler {
  return () => {
    throw new EngineError('not-implemented', `${what}: not implemented by Gantry yet`);
  };
}

export const listPlugins: Handler = () => [];
