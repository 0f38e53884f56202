/** The environment of a container's process: Docker's own variables, then links', then those of image and user. */

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export interface EnvironmentInput {
  hostname: string;
  terminal: boolean;
  linkEnv: readonly string[];
  /** `NAME=VALUE`; a bare `NAME` takes a variable away. */
  env: readonly string[];
  /** Of the user's passwd entry: HOME where nobody set it. */
  home: string;
}

/** Each name once, the last value counts, in the order of the first. */
export function buildEnvironment(input: EnvironmentInput): string[] {
  const variables = new Map<string, string>();
  const own = [defaultPath, `HOSTNAME=${input.hostname}`, ...(input.terminal ? ['TERM=xterm'] : [])];
  for (const entry of [...own, ...input.linkEnv, ...input.env]) {
    const at = entry.indexOf('=');
    if (at < 0) variables.delete(entry);
    else variables.set(entry.slice(0, at), entry);
  }
  if (!variables.has('HOME')) variables.set('HOME', `HOME=${input.home}`);
  return [...variables.values()];
}
