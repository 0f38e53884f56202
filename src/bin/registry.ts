/** `gantry-registry`: a registry by the OCI distribution specification, with the configuration of `registry:2`. */
import { Command } from 'commander';
import manifest from '../../package.json' with { type: 'json' };
import { EngineError, messageOf } from '../errors/engine-error.ts';
import { checkConfiguration, garbageCollect, hashPassword } from './registry-commands.ts';
import { serve } from './registry-serve.ts';

const { version } = manifest;

function program(): Command {
  const root = new Command('gantry-registry')
    .description('A registry for container images: the OCI distribution specification over files or S3.')
    .version(`gantry-registry ${version}`, '-v, --version', 'Print version information and quit')
    .helpCommand(true)
    .showHelpAfterError('(see gantry-registry --help)');
  root
    .command('serve')
    .description('Serve the registry until SIGTERM')
    .argument('[config]', 'configuration file; without one defaults and REGISTRY_ variables hold')
    .action((path: string | undefined) => serve(configPath(path), version));
  root
    .command('garbage-collect')
    .description('Delete what no manifest needs; by the registry that runs there, if one does')
    .argument('[config]', 'configuration file')
    .option('-d, --dry-run', 'only say what would be deleted')
    .option('-m, --delete-untagged', 'delete manifests that no tag leads to, too')
    .option('-q, --quiet', 'print nothing')
    .action((path: string | undefined, options: { dryRun?: true; deleteUntagged?: true; quiet?: true }) =>
      garbageCollect(configPath(path), {
        dryRun: options.dryRun === true,
        untagged: options.deleteUntagged === true,
        quiet: options.quiet === true,
      }),
    );
  root
    .command('check-config')
    .description('Check a configuration and quit')
    .argument('[config]', 'configuration file')
    .action((path: string | undefined) => checkConfiguration(configPath(path)));
  root
    .command('hash-password')
    .description('Print a line for an htpasswd file; the password is read from standard input')
    .argument('<user>')
    .action((user: string) => hashPassword(user));
  return root;
}

/** Distribution's variable for the file, where no word names it. */
function configPath(word: string | undefined): string | undefined {
  const told = word ?? process.env['REGISTRY_CONFIGURATION_PATH'];
  return told === '' ? undefined : told;
}

program()
  .parseAsync(process.argv)
  .catch((error: unknown) => {
    const hint = error instanceof EngineError && error.hint !== undefined ? `\n${error.hint}` : '';
    process.stderr.write(`gantry-registry: ${messageOf(error)}${hint}\n`);
    process.exit(1);
  });
