/** What an embedded engine is made of: its program's options and settings, with places that belong to its data root. */
import { createHash } from 'node:crypto';
import { resolve } from 'node:path';
import type { DaemonConfig } from '../engine/daemon-config.ts';
import { EngineError } from '../errors/engine-error.ts';
import { mergeSettings, parseDaemonFile } from './daemon-file.ts';
import { toDaemonSetup } from './daemon-setup.ts';
import type { SettingValue } from './daemon-values.ts';
import type { EngineOptions } from './engine-types.ts';

/** Settings about where a daemon listens, and its log's form. */
const meaningless = [
  'hosts',
  'group',
  'pidfile',
  'registry-addr',
  'tls',
  'tlsverify',
  'tlscacert',
  'tlscert',
  'tlskey',
  'log-level',
  'log-format',
];

/** EngineError `invalid-argument` for settings that are wrong, unknown, or about listeners. */
export function embeddedConfig(
  options: EngineOptions & { dataRoot: string },
  shimPath: string,
): DaemonConfig {
  const where = 'createEngine: settings';
  const settings = parseDaemonFile(JSON.stringify(options.settings ?? {}), where);
  const wrong = meaningless.filter((key) => settings.has(key));
  if (wrong.length > 0)
    throw new EngineError('invalid-argument', `an embedded engine does not know ${wrong.join(', ')}`, {
      hint: 'It listens nowhere, and logs to the function `log`: leave them out.',
    });
  const merged = mergeSettings(ownSettings(options), settings, where);
  return toDaemonSetup(new Map([...ownPlaces(options.dataRoot), ...merged]), shimPath).config;
}

function ownSettings({ dataRoot, execRoot, bridge, subnet }: EngineOptions): Map<string, SettingValue> {
  const given: Array<[string, string | undefined]> = [
    ['data-root', dataRoot === undefined ? undefined : resolve(dataRoot)],
    ['exec-root', execRoot === undefined ? undefined : resolve(execRoot)],
    ['bridge', bridge],
    ['bip', subnet],
  ];
  return new Map(given.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** The same for the same data root, so that the next engine finds what the last one left; nobody else's, so that many can run. */
function ownPlaces(dataRoot: string): Map<string, SettingValue> {
  const id = createHash('sha256').update(resolve(dataRoot)).digest('hex').slice(0, 8);
  return new Map([
    ['exec-root', `/run/gantry-embedded/${id}`],
    ['bridge', `gte${id}`],
    ['nft-table', `gantry_embedded_${id}`],
    ['cgroup-parent', `/gantry-embedded-${id}`],
  ]);
}
