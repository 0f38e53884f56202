/** Which daemon a command line is for: what flags, environment and the user's contexts say, in docker's order. */
import { ApiClient } from '../client/api-client.ts';
import { type Environment, hostVariable } from '../client/client-options.ts';
import { defaultHost, type Endpoint, parseEndpoint, type TlsSettings } from '../client/endpoint.ts';
import { EngineError, isEngineError } from '../errors/engine-error.ts';
import { type GlobalFlags, tlsSettings } from './global-flags.ts';
import type { UserConfig } from './user-config.ts';
import { customHeaders } from './user-defaults.ts';

export interface DaemonChoice {
  /** `default` for the one that flags, environment or Gantry's default name. */
  contextName: string;
  /** The variable that overrides the context that the user has chosen. */
  overriding: 'GANTRY_HOST' | 'DOCKER_HOST' | undefined;
  /** The address of the context `default`. */
  defaultAddress: string;
  /** How it is reached; undefined without TLS. */
  defaultTls: TlsSettings | undefined;
}

/** EngineError `invalid-argument` for flags that contradict each other. */
export function chooseDaemon(flags: GlobalFlags, env: Environment, userConfig: UserConfig): DaemonChoice {
  if (flags.host.length > 1)
    throw new EngineError(
      'invalid-argument',
      'Failed to initialize: unable to resolve docker endpoint: Specify only one -H',
    );
  if (flags.host.length > 0 && flags.context !== '')
    throw new EngineError(
      'invalid-argument',
      'conflicting options: cannot specify both --host and --context',
    );
  const overriding = hostVariable(env);
  const byFlag = flags.context || (flags.host.length > 0 ? 'default' : '');
  const byEnvironment = overriding === undefined ? env['DOCKER_CONTEXT'] : 'default';
  return {
    contextName: byFlag || byEnvironment || userConfig.currentContext || 'default',
    overriding,
    defaultAddress: flags.host[0] || (overriding === undefined ? undefined : env[overriding]) || defaultHost,
    defaultTls: tlsSettings(flags, env),
  };
}

/**
 * A client for the chosen daemon. What is wrong with the choice is thrown when the client is first used, so that
 * commands that mend contexts work nevertheless.
 */
export async function clientOf(
  choice: DaemonChoice,
  folder: string,
  env: Environment,
  userConfig: UserConfig,
): Promise<() => ApiClient> {
  try {
    const endpoint = await endpointOf(choice, folder);
    const version = env['DOCKER_API_VERSION'] || undefined;
    const client = new ApiClient(endpoint, version, customHeaders(env, userConfig.headers));
    return () => client;
  } catch (error) {
    return () => {
      throw error;
    };
  }
}

async function endpointOf(choice: DaemonChoice, folder: string): Promise<Endpoint> {
  if (choice.contextName === 'default') return parseEndpoint(choice.defaultAddress, choice.defaultTls);
  const { contextEndpoint } = await import('./context-endpoint.ts');
  try {
    return contextEndpoint(folder, choice.contextName);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw new EngineError(
      error.code,
      `Failed to initialize: unable to resolve docker endpoint: ${error.message}`,
      { cause: error, ...(error.hint === undefined ? {} : { hint: error.hint }) },
    );
  }
}
