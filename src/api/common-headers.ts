/** The headers that every answer carries, as Docker's do. */
import { apiVersion } from '../wire/api-version.ts';

export function commonHeaders(serverVersion: string, experimental: boolean): Record<string, string> {
  return {
    'Api-Version': apiVersion,
    'Docker-Experimental': String(experimental),
    Ostype: 'linux',
    Server: `Gantry/${serverVersion} (linux)`,
  };
}
