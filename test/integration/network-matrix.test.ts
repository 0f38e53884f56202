/** Who reaches whom, by real machines in network namespaces: equal to docs/network-matrix.md, for Gantry and for a dockerd beside it. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { dockerCli } from '../support/daemon.ts';
import { dockerdMatrix, gantryMatrix } from '../support/network-matrix/engines.ts';
import { explainedTable } from '../support/network-matrix/explained.ts';
import { differences, markdown, type Result } from '../support/network-matrix/results.ts';
import { noDockerd } from '../support/peer-dockerd.ts';

const page = 'docs/network-matrix.md';
const missing = noDockerd ?? (dockerCli === undefined ? 'no docker command line' : false);
let gantry: Result[] | undefined;

/** The part of the page between two comments; with GANTRY_WRITE_DOCS=1, `found` is put there first. */
function documented(part: string, found: string): string {
  const text = readFileSync(page, 'utf8');
  const [begin, end] = [`<!-- ${part} -->\n\n`, `\n<!-- end of ${part} -->`];
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  assert.ok(from >= 0 && to > from, `${page} has no part "${part}"`);
  const at = from + begin.length;
  if (process.env['GANTRY_WRITE_DOCS'] !== '1') return text.slice(at, to);
  writeFileSync(page, text.slice(0, at) + found + text.slice(to));
  return found;
}

test('Gantry: who reaches whom is what the docs say', async () => {
  gantry = await gantryMatrix();
  const found = markdown(gantry);
  assert.equal(found, documented('matrix', found));
});

test('dockerd: the differences are those that the docs explain', { skip: missing }, async () => {
  const theirs = await dockerdMatrix();
  assert.ok(gantry, 'there is a matrix of Gantry’s to compare with');
  const found = explainedTable(differences(gantry, theirs));
  assert.equal(found, documented('differences', found));
});
