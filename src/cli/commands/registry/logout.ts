/** `gantry logout`. */
import { messageOf } from '../../../errors/engine-error.ts';
import { defineCommand } from '../../command.ts';
import { hostOf, hubServer, serverKey } from '../../credentials/credentials.ts';
import { credentialStore } from '../../credentials/registry-auth.ts';

export const logout = defineCommand({
  usage: '[SERVER]',
  description: 'Without a server: Docker Hub.',
  examples: [['logout registry.example.com', 'Forget the password for that registry']],
  arguments: [0, 1],
  flags: {},
  run: (context, { positional }) => {
    const [named = ''] = positional;
    const server = serverKey(named);
    const isHub = server === hubServer;
    const { stdout, stderr } = context.io;
    stdout.write(`Removing login credentials for ${named === '' ? hubServer : hostOf(named)}\n`);
    // Older clients wrote some of these.
    const names = isHub ? [server] : [...new Set([named, server, `http://${server}`, `https://${server}`])];
    try {
      credentialStore(context).erase(names);
    } catch (error) {
      stderr.write(`WARNING: could not erase credentials:\n${messageOf(error)}\n`);
    }
    return Promise.resolve(0);
  },
});
