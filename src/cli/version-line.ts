/** The version of the command line. */
import manifest from '../../package.json' with { type: 'json' };

export const clientVersion = manifest.version;

/** What `gantry --version` prints. */
export const versionLine = `Gantry version ${clientVersion}\n`;
