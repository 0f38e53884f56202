/** Named volumes. */
import type {
  Volume,
  VolumeCreateRequest,
  VolumeListResponse,
  VolumesPruneResponse,
} from '../wire/volume.ts';
import type { ApiClient } from './api-client.ts';
import { type CallControl, type FilterValues, filtersOf } from './call-control.ts';
import { segment } from './query.ts';

export class Volumes {
  readonly #api: ApiClient;

  constructor(api: ApiClient) {
    this.#api = api;
  }

  async list({ signal, filters }: CallControl & { filters?: FilterValues } = {}): Promise<Volume[]> {
    const query = { filters: filtersOf(filters) };
    const { Volumes } = await this.#api.call<VolumeListResponse>('GET', '/volumes', { query, signal });
    return Volumes ?? [];
  }

  inspect(name: string, { signal }: CallControl = {}): Promise<Volume> {
    return this.#api.call('GET', `/volumes/${segment(name)}`, { signal });
  }

  /** The daemon makes up a name unless told. One that is there already is what it answers with. */
  create(settings: VolumeCreateRequest = {}, { signal }: CallControl = {}): Promise<Volume> {
    return this.#api.call('POST', '/volumes/create', { json: settings, signal });
  }

  /** EngineError `conflict` while a container has it. */
  async remove(name: string, { signal, force }: CallControl & { force?: boolean } = {}): Promise<void> {
    await this.#api.call('DELETE', `/volumes/${segment(name)}`, { query: { force }, signal });
  }

  /** Removes anonymous ones that no container has; with `filters: { all: true }` named ones too. */
  prune({ signal, filters }: CallControl & { filters?: FilterValues } = {}): Promise<VolumesPruneResponse> {
    return this.#api.call('POST', '/volumes/prune', { query: { filters: filtersOf(filters) }, signal });
  }
}
