/** `gantry completion`: scripts that ask `gantry completion candidates` what may follow. */
import { EngineError } from '../../../errors/engine-error.ts';
import { anyNumber, defineCommand } from '../../command.ts';
import { completionCandidates } from '../../completion/candidates.ts';
import { completionScripts } from '../../completion/scripts.ts';

export const completion = defineCommand({
  usage: 'bash|zsh|fish',
  examples: [
    ['completion bash > /etc/bash_completion.d/gantry', 'For every bash'],
    ['completion zsh > /usr/local/share/zsh/site-functions/_gantry', 'For zsh'],
    ['completion fish > ~/.config/fish/completions/gantry.fish', 'For fish'],
  ],
  arguments: [1, anyNumber],
  interspersed: false,
  flags: {},
  run: async (context, { positional }) => {
    const [shell = '', ...words] = positional;
    if (shell === 'candidates') {
      const candidates = await completionCandidates(context, words[0] === '--' ? words.slice(1) : words);
      context.io.stdout.write(candidates.map((line) => `${line}\n`).join(''));
      return 0;
    }
    const script = completionScripts.get(shell);
    if (script === undefined) {
      throw new EngineError('invalid-argument', `unsupported shell: ${shell}`, {
        hint: 'It may be bash, zsh or fish.',
      });
    }
    context.io.stdout.write(script);
    return 0;
  },
});
