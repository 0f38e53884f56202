/** What registries are asked besides images: their manifests, their catalogue, and whether credentials are good. */
import { EngineError } from '../errors/engine-error.ts';
import type { ImageParts } from './image-parts.ts';
import type {
  DistributionInfo,
  RegistryAuth,
  RegistryLogin,
  RemoteManifest,
  SearchResult,
} from './image-types.ts';

const notYet = (): Promise<never> => Promise.reject(new EngineError('not-implemented', 'not yet'));

export function inspectDistribution(
  _parts: ImageParts,
  _reference: string,
  _auth?: RegistryAuth,
  _signal?: AbortSignal,
): Promise<DistributionInfo> {
  return notYet();
}

export function remoteManifests(
  _parts: ImageParts,
  _reference: string,
  _options: { expand: boolean; insecure: boolean },
  _auth?: RegistryAuth,
  _signal?: AbortSignal,
): Promise<RemoteManifest[]> {
  return notYet();
}

export function checkLogin(
  _parts: ImageParts,
  _server: string,
  _auth: RegistryAuth,
  _signal?: AbortSignal,
): Promise<RegistryLogin> {
  return notYet();
}

export function searchImages(
  _parts: ImageParts,
  _term: string,
  _limit: number,
  _auth?: RegistryAuth,
  _signal?: AbortSignal,
): Promise<SearchResult[]> {
  return notYet();
}
