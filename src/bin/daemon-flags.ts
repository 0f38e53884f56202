/** gantryd's command line, made from the table of options. */
import { Command, Option } from 'commander';
import { type DaemonOption, daemonOptions } from './daemon-options.ts';
import { type Settings, type SettingValue, valueOfFlag } from './daemon-values.ts';

export const defaultConfigFile = '/etc/gantry/daemon.json';

export interface CommandLine {
  settings: Settings;
  configFile: string;
  /** The user named the file, so it must be there. */
  configFileGiven: boolean;
  /** Check the configuration and end. */
  validate: boolean;
}

/** Reads the words after the program's name. Prints help or version and ends the process where that was asked for. */
export function parseCommandLine(words: readonly string[], version: string): CommandLine {
  const settings = new Map<string, SettingValue>();
  const command = new Command('gantryd')
    .description('A container daemon that speaks the Docker Engine API.')
    .version(`Gantry version ${version}`, '-v, --version', 'Print version information and quit')
    .option('--config-file <path>', 'Daemon configuration file', defaultConfigFile)
    .option('--validate', 'Check the configuration and quit')
    .allowExcessArguments(false)
    .showHelpAfterError('(see gantryd --help)');
  for (const option of daemonOptions) {
    if (option.flags !== undefined) command.addOption(toCommander(option, settings));
  }
  command.parse([...words], { from: 'user' });
  const own = command.opts<{ configFile: string; validate?: boolean }>();
  return {
    settings,
    configFile: own.configFile,
    configFileGiven: command.getOptionValueSource('configFile') !== 'default',
    validate: own.validate === true,
  };
}

/** The values land in `settings`, not in commander's own table. */
function toCommander(option: DaemonOption, settings: Map<string, SettingValue>): Option {
  const value = option.kind === 'boolean' ? '[true|false]' : '<value>';
  const words: string[] = [];
  const flag = new Option(`${option.flags} ${value}`, option.help);
  if (option.kind === 'boolean') flag.preset('true');
  return flag.argParser((word: string) => {
    words.push(word);
    settings.set(option.key, valueOfFlag(option, words));
    return word;
  });
}
