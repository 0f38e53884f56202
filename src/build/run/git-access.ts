/** What git is given for repositories of a build: the client's SSH agent, and its token for https. */
import type { Engine } from '../../engine/engine.ts';
import type { BuildSecrets } from '../build-types.ts';
import type { GitRequest } from '../files/files-types.ts';
import { agentSocket } from './secret-mounts.ts';
import { StepScratch } from './step-scratch.ts';

export interface GitAccess {
  access: Pick<GitRequest, 'sshAgent' | 'token'>;
  close(): Promise<void>;
}

/** The secret that Docker's builder takes as a token for git over https. */
const tokenSecret = 'GIT_AUTH_TOKEN';
const defaultAgent = 'default';

export async function openGitAccess(
  { config }: Pick<Engine, 'config'>,
  secrets: BuildSecrets,
  url: string,
  signal: AbortSignal,
): Promise<GitAccess> {
  const nothing = async (): Promise<void> => undefined;
  if (/^https?:/.test(url)) {
    const token = await secrets.secret(tokenSecret, signal);
    return { access: token === undefined ? {} : { token: token.toString('utf8').trim() }, close: nothing };
  }
  const probe = await secrets.ssh(defaultAgent, signal);
  probe?.destroy();
  if (probe === undefined) return { access: {}, close: nothing };
  const scratch = await StepScratch.make(config);
  const sshAgent = await agentSocket(defaultAgent, secrets, scratch, signal);
  return { access: { sshAgent }, close: () => scratch.close() };
}
