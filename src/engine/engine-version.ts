/** What this build of the engine calls itself. */
import manifest from '../../package.json' with { type: 'json' };

export const engineVersion = manifest.version;

/** Versions of the Docker Engine API that are served: the same as in src/wire/api-version.ts, which the engine may not read. */
export const servedApi = { newest: '1.51', oldest: '1.24' } as const;
