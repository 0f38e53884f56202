/** Image names as users write and read them: `busybox`, `localhost:5000/app:1.2`, `alpine@sha256:…`. */
import { EngineError } from '../errors/engine-error.ts';

export interface ImageName {
  /** Without docker.io's prefixes: `busybox`, `localhost:5000/app`. */
  familiar: string;
  /** With the registry: `docker.io/library/busybox`. */
  full: string;
  tag: string | undefined;
  digest: string | undefined;
}

const pattern =
  /^(.*?)(?::([\w][\w.-]{0,127}))?(?:@([A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}))?$/;
const component = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;

/** EngineError `invalid-argument` "invalid reference format" otherwise. */
export function parseImageName(text: string): ImageName {
  const [, path = '', tag, digest] = pattern.exec(text) ?? [];
  const slash = path.indexOf('/');
  const first = slash < 0 ? '' : path.slice(0, slash);
  const isRegistry = /[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase();
  const registry = isRegistry ? (first === 'index.docker.io' ? 'docker.io' : first) : 'docker.io';
  const rest = isRegistry ? path.slice(slash + 1) : path;
  const repository = registry === 'docker.io' && !rest.includes('/') ? `library/${rest}` : rest;
  checkRepository(repository);
  const familiar =
    registry === 'docker.io' ? repository.replace(/^library\/(?=[^/]+$)/, '') : `${registry}/${repository}`;
  return { familiar, full: `${registry}/${repository}`, tag, digest };
}

function checkRepository(repository: string): void {
  if (repository !== repository.toLowerCase()) {
    const message = `invalid reference format: repository name (${repository}) must be lowercase`;
    throw new EngineError('invalid-argument', message);
  }
  if (!repository.split('/').every((part) => component.test(part))) {
    throw new EngineError('invalid-argument', 'invalid reference format');
  }
}

/** `busybox:latest`, with the tag that counts where none is written. */
export function familiarWithTag(name: ImageName): string {
  if (name.digest !== undefined)
    return `${name.familiar}${name.tag === undefined ? '' : `:${name.tag}`}@${name.digest}`;
  return `${name.familiar}:${name.tag ?? 'latest'}`;
}
