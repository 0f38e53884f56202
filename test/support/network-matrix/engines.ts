/** The matrix on each of the two engines: everything is made, asked, and gone again. */
import { dockerCli, runProgram, TestDaemon } from '../daemon.ts';
import { busyboxArchive } from '../image-fixtures.ts';
import { PeerDockerd } from '../peer-dockerd.ts';
import { answerTables, type Result } from './results.ts';
import { type Engine, Site } from './site.ts';
import { makeWire, type Wire } from './wire.ts';

const ipv6 = ['--ipv6', '--fixed-cidr-v6', 'fd60:9::/64'];

async function answersOf(engine: Engine, wire: Wire): Promise<Result[]> {
  const site = new Site(engine, wire);
  try {
    const tables = await site.build();
    return await answerTables(tables, site.agents);
  } finally {
    await site.close();
  }
}

export async function gantryMatrix(): Promise<Result[]> {
  const wire = makeWire();
  try {
    const config = { 'default-address-pools': [{ base: '10.250.0.0/16', size: 24 }] };
    const daemon = await TestDaemon.start({ netns: wire.host, flags: ipv6, config });
    try {
      return await answersOf({ docker: (...args) => daemon.ok(args), modern: true }, wire);
    } finally {
      await daemon.close();
    }
  } finally {
    wire.remove();
  }
}

export async function dockerdMatrix(): Promise<Result[]> {
  const dockerd = await PeerDockerd.start(ipv6);
  const run = async (args: readonly string[], input?: Buffer): Promise<string> => {
    const options = input === undefined ? {} : { input };
    const { code, stdout, stderr } = await runProgram(
      [dockerCli ?? '', '-H', dockerd.host, ...args],
      options,
    );
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: exit ${code}\n${stderr}`);
    return stdout.trim();
  };
  try {
    const wire = makeWire(dockerd.netns);
    try {
      await run(['load'], busyboxArchive());
      return await answersOf({ docker: (...args) => run(args), modern: false }, wire);
    } finally {
      wire.remove();
      const ids = (await run(['ps', '-aq'])).split('\n').filter(Boolean);
      if (ids.length > 0) await run(['rm', '-f', ...ids]);
    }
  } finally {
    await dockerd.stop();
  }
}
