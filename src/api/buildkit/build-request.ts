/** A client's call to solve, as a build's request. */
import { randomUUID } from 'node:crypto';
import type { BuildContext, BuildEvent, BuildRequest } from '../../build/build-types.ts';
import { EngineError } from '../../errors/engine-error.ts';
import type { SolveRequest } from '../../wire/buildkit/control-messages.ts';
import {
  type Attributes,
  cacheImportsOf,
  extraHostsOf,
  isPullForced,
  listOf,
  networkModeOf,
  noCacheOf,
  prefixed,
  resourcesOf,
  sourceDateEpochOf,
} from './build-attributes.ts';
import { type ContextParts, mainContexts, namedContexts } from './build-contexts.ts';
import { cacheReferenceOf, outputsOf } from './build-outputs.ts';
import { sessionSecrets } from './session-secrets.ts';

export interface RequestParts extends ContextParts {
  solve: SolveRequest;
  attributes: Attributes;
  checkOnly: boolean;
  onEvent: (event: BuildEvent) => void;
  /** Told the Dockerfile when it is read. */
  onDockerfile: (file: { name: string; data: Buffer }) => void;
}

/** EngineErrors: `invalid-argument` for attributes that mean nothing, `not-implemented` for kinds of outputs and caches. */
export async function buildRequestOf(parts: RequestParts): Promise<BuildRequest> {
  const { solve, attributes, session } = parts;
  const { context, dockerfileContext } = await mainContexts(attributes, parts);
  const dockerfileName = attributes.get('filename') ?? 'Dockerfile';
  const watched = watching(dockerfileContext ?? context, dockerfileName, parts.onDockerfile);
  const sourceDateEpoch = sourceDateEpochOf(attributes);
  const target = attributes.get('target') ?? '';
  return {
    id: solve.ref === '' ? randomUUID() : solve.ref,
    context,
    dockerfileContext: watched,
    dockerfileName,
    namedContexts: await namedContexts(attributes, parts),
    secrets: sessionSecrets(session),
    ...(target === '' ? {} : { target }),
    buildArgs: prefixed(attributes, 'build-arg:'),
    labels: prefixed(attributes, 'label:'),
    platforms: listOf(attributes.get('platform')),
    noCache: noCacheOf(attributes),
    pull: isPullForced(attributes),
    networkMode: networkModeOf(attributes),
    extraHosts: extraHostsOf(attributes.get('add-hosts')),
    resources: resourcesOf(attributes),
    entitlements: entitlementsOf(solve.entitlements),
    ...(sourceDateEpoch === undefined ? {} : { sourceDateEpoch }),
    outputs: outputsOf(solve, parts),
    cacheFrom: cacheImportsOf(attributes).map((entry) => cacheReferenceOf(entry, false, parts)),
    cacheTo: (solve.cache?.exports ?? []).map((entry) => cacheReferenceOf(entry, true, parts)),
    checkOnly: parts.checkOnly,
    squash: false,
    keepFailed: false,
    onEvent: parts.onEvent,
  };
}

function entitlementsOf(names: readonly string[]): BuildRequest['entitlements'] {
  return new Set(
    names.map((name) => {
      if (name === 'network.host' || name === 'security.insecure') return name;
      throw new EngineError('invalid-argument', `unknown entitlement ${name}`);
    }),
  );
}

function watching(
  context: BuildContext,
  name: string,
  onDockerfile: RequestParts['onDockerfile'],
): BuildContext {
  return {
    sync: (query, signal) => context.sync(query, signal),
    readFile: async (path, limit, signal) => {
      const data = await context.readFile(path, limit, signal);
      if (data !== undefined && path === name) onDockerfile({ name, data });
      return data;
    },
  };
}
