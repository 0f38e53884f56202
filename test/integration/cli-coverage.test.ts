/** Every command, alias, flag, short form, default and bound of arguments of the stock docker client, held against gantry's table of commands. */
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { commands, findCommand } from '../../src/cli/command-table.ts';
import type { FlagSpec } from '../../src/cli/flags/flag.ts';
import { globalFlags } from '../../src/cli/global-flags.ts';
import { dockerCli, runProgram } from '../support/daemon.ts';
import {
  flagsOfHelp,
  type HelpCommand,
  type HelpFlag,
  StockClient,
  withoutZero,
} from '../support/docker-help.ts';

/** Commands that Gantry leaves out, and why. */
const leftOut: ReadonlyMap<string, string> = new Map([
  ...['config', 'node', 'secret', 'service', 'stack', 'swarm', 'volume update'].map(
    (name): [string, string] => [name, 'swarm'],
  ),
  ['plugin', 'plugins of the engine are out of scope'],
  ['trust', 'content trust (notary) is out of scope'],
]);

/** Flags that Gantry leaves out or shows otherwise, and why. */
const differentFlags: ReadonlyMap<string, string> = new Map([
  ...[
    'availability',
    'group',
    'limit-bytes',
    'required-bytes',
    'scope',
    'secret',
    'sharing',
    'topology-preferred',
    'topology-required',
    'type',
  ].map((flag): [string, string] => [`volume create --${flag}`, "volumes of swarm's cluster"]),
  ['volume ls --cluster', "volumes of swarm's cluster"],
]);

/** Hidden by docker, for old scripts; each takes these words. */
const hiddenFlags: ReadonlyArray<readonly [command: string, ...words: string[]]> = [
  ['run', '--net', 'host'],
  ['run', '--net-alias', 'a'],
  ['run', '--dns-opt', 'ndots:1'],
  ['create', '--net', 'host'],
  ['stop', '--time', '1'],
  ['restart', '--time', '1'],
  ['volume create', '--name', 'x'],
];

const stock = new StockClient(dockerCli ?? '');
after(() => stock.close());

function flagDifferences(theirs: HelpFlag, ours: FlagSpec<unknown> | undefined): string[] {
  if (ours === undefined) return ['missing'];
  const pairs: Array<readonly [what: string, theirs: string, ours: string]> = [
    ['short form', theirs.short, ours.short ?? ''],
    ['type', theirs.type, ours.type],
    ['default', theirs.initial, withoutZero(ours.shownDefault ?? '')],
  ];
  return pairs
    .filter(([, wanted, found]) => wanted !== found)
    .map(([what, wanted, found]) => `${what} is '${found}' instead of '${wanted}'`);
}

async function differences(theirs: HelpCommand): Promise<string[]> {
  const entry = findCommand(theirs.name);
  if (entry === undefined) return [`${theirs.name}: missing`];
  const command = await entry.load();
  const found: string[] = [];
  const missing = theirs.aliases.filter((name) => !entry.names.includes(name));
  if (missing.length > 0) found.push(`${theirs.name}: aliases ${missing.join(', ')} missing`);
  if (String(command.arguments) !== String(theirs.arguments))
    found.push(`${theirs.name}: takes ${command.arguments} arguments instead of ${theirs.arguments}`);
  for (const [flag, spec] of theirs.flags) {
    if (differentFlags.has(`${theirs.name} --${flag}`)) continue;
    const wrong = flagDifferences(spec, command.flags[flag]);
    found.push(...wrong.map((text) => `${theirs.name} --${flag}: ${text}`));
  }
  return found;
}

describe('the stock client', {
  skip: dockerCli === undefined ? 'this host has no docker CLI' : false,
}, () => {
  test('has no command, alias, flag, short form, default or bound that gantry has not', async () => {
    const theirs = await stock.commands(new Set(leftOut.keys()));
    assert.ok(theirs.length > 90, `only ${theirs.length} commands were found`);
    const found = (await Promise.all(theirs.map(differences))).flat();
    assert.deepEqual(found, []);
  });

  test('has no global option that gantry has not', async () => {
    const theirs = flagsOfHelp((await stock.run('--help')).stdout);
    const ours = new Map(Object.entries(globalFlags).map(([name, spec]) => [name, spec]));
    const wrong = [...theirs].flatMap(([name, { short, type }]) => {
      const spec = ours.get(name);
      const ownShort = spec !== undefined && 'short' in spec ? spec.short : '';
      return spec !== undefined && (ownShort ?? '') === short && spec.type === type ? [] : [name];
    });
    assert.ok(theirs.size > 8);
    assert.deepEqual(wrong, []);
  });

  test('still takes these hidden flags, and so does gantry', async () => {
    for (const [command, ...words] of hiddenFlags) {
      const args = [...command.split(' '), ...words, '--help'];
      assert.equal((await stock.run(...args)).code, 0, `docker ${args.join(' ')}`);
      assert.equal((await runProgram(['bin/gantry', ...args])).code, 0, `gantry ${args.join(' ')}`);
    }
  });

  test('has each command that is left out here', async () => {
    for (const name of leftOut.keys()) {
      assert.equal((await stock.run(...name.split(' '), '--help')).code, 0, name);
      const present = commands.filter(({ names }) =>
        names.some((one) => one === name || one.startsWith(`${name} `)),
      );
      assert.deepEqual(present, [], `${name} is there now: take it off the list`);
    }
  });
});
