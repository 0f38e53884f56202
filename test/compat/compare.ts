/**
 * Compares Gantry with Debian's dockerd, question by question: `node test/compat/compare.ts [PATTERN…]`.
 * Prints each difference that docs/differences.md does not explain; exits with 1 where there is one.
 * Needs root, the stock docker CLI, a build in dist/, and Debian's packages (kept in $GANTRY_PEER_DIR, /tmp/gantry-peer).
 * $GANTRY_PEER_SOCKET: the socket of such a dockerd that already runs.
 */
import { join } from 'node:path';
import { TestDaemon } from '../support/daemon.ts';
import { busyboxArchive } from '../support/image-fixtures.ts';
import { type Difference, differences } from './differ.ts';
import { Dockerd } from './dockerd.ts';
import { type Explained, readExplained } from './explained.ts';
import { allScenarios } from './scenarios/all.ts';
import { type Scenario, Side } from './side.ts';

const peerRoot = process.env['GANTRY_PEER_DIR'] ?? '/tmp/gantry-peer';
const patterns = process.argv.slice(2);

async function runOn(side: Side, scenario: Scenario): Promise<void> {
  side.notes.clear();
  try {
    await scenario(side);
  } catch (error) {
    side.note('(the scenario itself)', error instanceof Error ? error.message : String(error));
  }
  await side.removeAll();
}

async function compareScenario(
  name: string,
  scenario: Scenario,
  docker: Side,
  gantry: Side,
): Promise<Difference[]> {
  await Promise.all([runOn(docker, scenario), runOn(gantry, scenario)]);
  const labels = [...new Set([...docker.notes.keys(), ...gantry.notes.keys()])];
  return labels.flatMap((label) =>
    differences(`${name}/${label}`, docker.notes.get(label), gantry.notes.get(label)),
  );
}

interface Tally {
  answers: number;
  explained: number;
  found: number;
  used: Set<Explained>;
}

function report(found: readonly Difference[], explained: readonly Explained[], tally: Tally): void {
  for (const difference of found) {
    const reason = explained.find((entry) => entry.matches(difference.place));
    if (reason !== undefined) {
      tally.explained += 1;
      tally.used.add(reason);
      continue;
    }
    tally.found += 1;
    console.log(`${difference.place}\n  docker: ${difference.docker}\n  gantry: ${difference.gantry}`);
  }
}

async function compareAll(docker: Side, gantry: Side): Promise<number> {
  const explained = readExplained('docs/differences.md');
  const tally: Tally = { answers: 0, explained: 0, found: 0, used: new Set() };
  for (const [name, scenario] of Object.entries(allScenarios)) {
    if (patterns.length > 0 && !patterns.some((pattern) => name.includes(pattern))) continue;
    report(await compareScenario(name, scenario, docker, gantry), explained, tally);
    tally.answers += docker.notes.size;
  }
  if (patterns.length === 0)
    for (const entry of explained)
      if (!tally.used.has(entry)) console.log(`no longer seen: ${entry.pattern}`);
  console.log(
    `${tally.answers} answers compared: ${tally.found} unexplained differences, ${tally.explained} explained`,
  );
  return tally.found;
}

const socket = process.env['GANTRY_PEER_SOCKET'];
const dockerd = socket === undefined ? await Dockerd.start(peerRoot) : undefined;
const daemon = await TestDaemon.start();
const docker = new Side('docker', socket ?? dockerd?.socket ?? '', [
  join(peerRoot, 'data'),
  join(peerRoot, 'exec'),
]);
const gantry = new Side('gantry', daemon.socket, [daemon.dataRoot, daemon.execRoot]);
try {
  await docker.ok(['load'], { input: busyboxArchive() });
  process.exitCode = (await compareAll(docker, gantry)) === 0 ? 0 : 1;
} finally {
  await docker.removeAll();
  await daemon.close();
  await dockerd?.stop();
}
