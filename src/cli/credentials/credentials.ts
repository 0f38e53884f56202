/** What a user gives to a registry, and how registries are named where that is kept. */

export interface Credentials {
  username: string;
  password: string;
  /** Instead of a password, where the registry gave one; '' for none. */
  identityToken: string;
}

/** Docker Hub's name in config.json. */
export const hubServer = 'https://index.docker.io/v1/';

const hubNames = new Set(['', 'docker.io', 'index.docker.io', 'registry-1.docker.io', hubServer]);

/** `https://host:5000/v2/` is `host:5000`. */
export function hostOf(server: string): string {
  return server.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

/** Under which name the credentials of a server that the user named are kept. */
export function serverKey(server: string): string {
  return hubNames.has(server) || hubNames.has(hostOf(server)) ? hubServer : hostOf(server);
}

/** The same for an image's complete name, `docker.io/library/busybox`. */
export function serverOfImage(fullName: string): string {
  return serverKey(fullName.slice(0, fullName.indexOf('/')));
}
