/** The `/v1.51` in front of a path: taken off, and checked against what Gantry speaks. */
import { EngineError } from '../errors/engine-error.ts';
import { apiVersion, compareApiVersions, minApiVersion } from '../wire/api-version.ts';

const prefix = /^\/v([0-9][0-9.]*)(?=[/?]|$)/;

/** Separates version and path. A path without a version is served with the newest. */
export function splitVersion(url: string): { version: string; path: string } {
  const match = prefix.exec(url);
  if (match === null) return { version: apiVersion, path: url };
  const rest = url.slice(match[0].length);
  return { version: match[1] ?? apiVersion, path: rest.startsWith('/') ? rest : `/${rest}` };
}

/** EngineError `invalid-argument` in Docker's words for a version that is not served. */
export function checkVersion(version: string): void {
  if (compareApiVersions(version, apiVersion) > 0) {
    throw new EngineError(
      'invalid-argument',
      `client version ${version} is too new. Maximum supported API version is ${apiVersion}`,
    );
  }
  if (compareApiVersions(version, minApiVersion) < 0) {
    throw new EngineError(
      'invalid-argument',
      `client version ${version} is too old. Minimum supported API version is ${minApiVersion}, please upgrade your client to a newer version`,
    );
  }
}

/** Names of images and of links hold slashes, which the router takes for separators: they are escaped within the one segment. */
export function escapeImageName(method: string, path: string): string {
  const mark = path.indexOf('?');
  const route = mark < 0 ? path : path.slice(0, mark);
  const match = nameRoutes(method)
    .map((pattern) => pattern.exec(route))
    .find((found) => found !== null);
  const [, before = '', name = '', after = ''] = match ?? [];
  if (!name.includes('/')) return path;
  return `${before}${name.replaceAll('/', '%2F')}${after}${mark < 0 ? '' : path.slice(mark)}`;
}

function nameRoutes(method: string): RegExp[] {
  if (method === 'DELETE') return [/^(\/images\/)(.+)$/, /^(\/containers\/)([^/]+\/[^/]+)$/];
  return [
    /^(\/containers\/)([^/]+\/[^/]+)(\/(?:json|start|stop|restart|kill|pause|unpause|wait|logs|top|exec))$/,
    /^(\/images\/)(.+?)(\/(?:json|history|push|tag|get|attestations))$/,
    /^(\/distribution\/)(.+)(\/json)$/,
    /^(\/gantry\/manifests\/)(.+)$/,
  ];
}
