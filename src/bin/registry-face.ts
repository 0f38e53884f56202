/** What clients meet, made anew when the configuration is read again: who may do what, quotas, headers, read-only mode. */
import type { Logger } from 'pino';
import { messageOf } from '../errors/engine-error.ts';
import { type Access, createAccess } from '../registry/access/create-access.ts';
import type { RegistryConfig } from '../registry/config/registry-config.ts';
import type { Metrics } from '../registry/metrics/metrics.ts';
import type { Webhooks } from '../registry/notifications/webhooks.ts';
import { createPushPolicy } from '../registry/policy/push-policy.ts';
import type { FrontParts } from '../registry/program/front.ts';
import { createRegistryServer } from '../registry/registry-server.ts';
import type {
  AnsweredRequest,
  RegistryParts,
  RegistrySettings,
  RegistryStorage,
  UpstreamCache,
} from '../registry/registry-types.ts';

export interface FaceSurroundings {
  storage: RegistryStorage;
  webhooks: Webhooks;
  metrics: Metrics;
  upstreams: UpstreamCache | undefined;
  log: Logger;
  onAnswer: ((answer: AnsweredRequest) => void) | undefined;
}

type Parts = Omit<FrontParts, 'problems'>;

export class RegistryFace {
  readonly #around: FaceSurroundings;
  #access: Access;
  #parts: Parts;

  private constructor(around: FaceSurroundings, access: Access, parts: Parts) {
    this.#around = around;
    this.#access = access;
    this.#parts = parts;
  }

  static async open(config: RegistryConfig, around: FaceSurroundings): Promise<RegistryFace> {
    const access = await createAccess(config, around.log);
    return new RegistryFace(around, access, makeParts(config, access, around));
  }

  get parts(): Parts {
    return this.#parts;
  }

  /** Requests that come from now on meet `config`. Rejects, and changes nothing, where a file in it cannot be used. */
  async apply(config: RegistryConfig): Promise<void> {
    const access = await createAccess(config, this.#around.log);
    const previous = this.#access;
    this.#parts = makeParts(config, access, this.#around);
    this.#access = access;
    await previous.close();
  }

  async close(): Promise<void> {
    await this.#access.close();
  }
}

function makeParts(config: RegistryConfig, access: Access, around: FaceSurroundings): Parts {
  const { storage, webhooks, metrics, upstreams, log, onAnswer } = around;
  const { quotas, immutable } = config.policy;
  const isBounded = quotas.length > 0 || immutable.length > 0;
  const parts: RegistryParts = {
    storage,
    access: access.controller,
    listeners: [metrics.listener, webhooks.listener],
    settings: toSettings(config),
    onAnswer: ({ fault, ...answer }) => {
      metrics.onAnswer(answer);
      onAnswer?.(answer);
      const { id, method, path } = answer;
      if (fault !== undefined) log.error({ err: fault, id }, `${method} ${path} failed: ${messageOf(fault)}`);
    },
    ...(isBounded ? { policy: createPushPolicy(storage, config.policy) } : {}),
    ...(upstreams === undefined ? {} : { upstreams }),
  };
  const server = createRegistryServer(parts);
  return {
    handle: (request, response) => server.handle(request, response),
    tokenService: access.tokenService,
    prefix: config.http.prefix,
  };
}

function toSettings(config: RegistryConfig): RegistrySettings {
  const { http, readOnly, deletes, catalogLimit, foreignUrls } = config;
  return {
    readOnly,
    deletes,
    relativeUrls: http.relativeUrls,
    host: http.host,
    headers: http.headers,
    catalogLimit,
    prefix: http.prefix,
    ...(foreignUrls === undefined ? {} : { foreignUrls }),
  };
}
