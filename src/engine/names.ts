/** Containers' names and IDs: which are allowed, and those that are made up where the user gives none. */
import { randomBytes, randomInt } from 'node:crypto';
import { EngineError } from '../errors/engine-error.ts';
import type { ContainerTable } from './container-table.ts';

const adjectives = [
  'agile amber ample apt azure balmy blithe bold brave breezy bright brisk calm candid careful cheery civil clever',
  'copper cosmic cosy crisp curious dapper daring deft devoted eager earnest easy elated electric emerald fair faithful',
  'fearless fleet fluent fond frank fresh gallant gentle genuine gifted glad golden graceful grand happy hardy hearty',
  'honest humble icy ideal inventive jolly jovial keen kind lively logical loyal lucid lucky lunar mellow merry mighty',
  'modest nimble noble patient playful polite proud quick quiet radiant rapid ready robust sage serene sharp shiny silent',
  'sincere skilful sleek smart snug solar steady sunny swift tidy tranquil trusty upbeat valiant vivid warm willing wise witty',
].flatMap((line) => line.split(' '));

const surnames = [
  'abel amdahl anning apgar archimedes aryabhata avogadro babbage backus banach bardeen bell berners boole bose boyle brahe',
  'cantor carson cerf chandra codd copernicus coulomb curie darwin dijkstra dirac eratosthenes erdos euclid euler faraday',
  'fermat fermi feynman floyd fourier franklin galileo galois gauss germain goodall gray hamilton hawking heisenberg herschel',
  'hilbert hoare hopper hubble hypatia jackson johnson joule kalam karp kay kepler khwarizmi knuth kovalevskaya lamarr lamport',
  'laplace leavitt leibniz liskov lovelace maxwell mcclintock meitner mendel mirzakhani morse nash neumann newton noether ohm',
  'pascal pasteur pauling perlman planck poincare ptolemy raman ramanujan riemann ritchie rubin shannon sinoussi tesla thompson',
  'torvalds turing volta wiles wilson wing wozniak wright wu yonath',
].flatMap((line) => line.split(' '));

/** Docker's pattern for names of containers and volumes. */
const allowed = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** EngineError `invalid-argument` in Docker's words where `name` can't be a container's. */
export function checkContainerName(name: string): void {
  if (allowed.test(name)) return;
  throw new EngineError(
    'invalid-argument',
    `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

/** 64 hexadecimal digits, never all decimal in the first twelve: the short form is a hostname, which must not look like a number. */
export function newId(): string {
  for (;;) {
    const id = randomBytes(32).toString('hex');
    if (!/^\d{12}/.test(id)) return id;
  }
}

/** A free name of the form `adjective_surname`, with a digit after it where chance finds no free one; reserved for `id`. */
export function reserveGeneratedName(containers: ContainerTable, id: string): string {
  for (let attempt = 0; attempt < 12; attempt += 1) {
    const name = generatedName() + (attempt < 6 ? '' : String(randomInt(10)));
    if (containers.ownerOf(name) !== undefined) continue;
    containers.reserveName(name, id);
    return name;
  }
  containers.reserveName(id, id);
  return id;
}

/** Two words joined by an underscore. */
export function generatedName(): string {
  return `${pick(adjectives)}_${pick(surnames)}`;
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}
