/** `gantry build`. */
import { buildFlags } from '../../build/build-flags.ts';
import { runBuild } from '../../build/run-build.ts';
import { defineCommand } from '../../command.ts';

export const build = defineCommand({
  usage: '[OPTIONS] PATH | URL | -',
  description:
    "The daemon asks for the files that the Dockerfile needs, for secrets and logins when a step wants them, and gives outputs back. With a daemon that is no Gantry, Docker's classic API is used. When a step fails, 'gantry build shell ID' opens a shell where it failed.",
  examples: [
    ['build -t web .', 'The Dockerfile of this directory'],
    ['build --why .', 'Say why steps were not taken from the cache'],
    ['build --secret id=token,env=TOKEN .', 'A secret for RUN --mount=type=secret,id=token'],
    ['build -o out --target files .', "A stage's files into a directory"],
    ['build --check .', 'Look at the Dockerfile, and build nothing'],
  ],
  arguments: [1, 1],
  flags: buildFlags,
  run: (context, { flags, positional: [path = ''] }) => runBuild(context, flags, path),
});
