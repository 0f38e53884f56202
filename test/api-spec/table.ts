/** Writes docs/api.md: what of the specification was exercised, and what was not. */
import { join } from 'node:path';
import type { Exercised, Recorder } from './recorder.ts';
import { fieldPlaces, type Operation, type Spec } from './spec.ts';

export const tablePath = join(import.meta.dirname, '../../docs/api.md');

/** Fields of bodies that only a swarm reads. */
const ofSwarm = /^(?:ClusterVolumeSpec\b|VolumeCreateOptions\.ClusterVolumeSpec|body\.Spec)/;

const introduction = `# The Engine API

Made by a test run (\`npm run docs:api\`), not by hand: each path and method of Docker's Engine API 1.51 outside swarm
mode and plugins, called on a real daemon by clients of the versions 1.24, 1.41, 1.44 and 1.51. Every answer was held
to the schema of the specification; where Docker itself leaves it, \`test/api-spec/differences.ts\` says so.

A parameter in ~~strokes~~ was not exercised. Under *statuses*, those that the specification names come first; one in
brackets was never answered. 500 stands for failures of the daemon itself, which are not provoked. *absent* marks what
answers 501: Gantry does not have it yet.
`;

/** Statuses that the specification names and Docker itself never gives there, or that need what no test has. */
const notes: ReadonlyArray<readonly [route: string, status: number, why: string]> = [
  ['DELETE /containers/{id}', 400, 'a wrong link is 404 or 409'],
  ['POST /images/{name}/push', 404, 'Docker answers 200, with the error in the stream'],
  ['POST /images/{name}/tag', 409, 'Docker moves the tag'],
  ['POST /auth', 204, 'Docker answers 200'],
  ['PUT /volumes/{name}', 200, 'volumes of a swarm only'],
  ['PUT /volumes/{name}', 400, 'volumes of a swarm only'],
  ['PUT /volumes/{name}', 404, 'volumes of a swarm only'],
  ['POST /networks/{id}/connect', 403, 'networks of a swarm only'],
  ['POST /networks/{id}/disconnect', 403, 'networks of a swarm only'],
  ['GET /containers/{id}/attach/ws', 200, 'a WebSocket begins with 101'],
];

function noteLines(recorder: Recorder): string[] {
  return notes
    .filter(([route, status]) => !isAbsent(recorder.of(route)) && !recorder.of(route).statuses.has(status))
    .map(([route, status, why]) => `- \`${route}\` ${status}: ${why}`);
}

export function renderTable(spec: Spec, recorder: Recorder): string {
  const rows = Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const route = `${method.toUpperCase()} ${path}`;
      return { route, operation, entry: recorder.of(route) };
    }),
  );
  const lines = rows.map(({ route, operation, entry }) => renderRow(spec, route, operation, entry));
  const missing = rows.flatMap(({ route, operation, entry }) => missingFields(spec, route, operation, entry));
  return [
    introduction,
    '| route | parameters | fields of the body | statuses | versions |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
    '',
    '## Statuses that are not answered, and why',
    '',
    ...noteLines(recorder),
    '',
    '## Fields of bodies that no accepted request had',
    '',
    ...(missing.length === 0 ? ['None.'] : missing),
    '',
  ].join('\n');
}

/** Fields of successful answers that were never there: for whoever looks for what is missing. */
export function missingAnswerFields(spec: Spec, recorder: Recorder): string[] {
  return Object.entries(spec.paths).flatMap(([path, methods]) =>
    Object.entries(methods).flatMap(([method, operation]) => {
      const route = `${method.toUpperCase()} ${path}`;
      const entry = recorder.of(route);
      const schema = Object.entries(operation.responses).find(([status]) => Number(status) < 300)?.[1];
      if (schema === null || schema === undefined || isAbsent(entry)) return [];
      const missing = [...fieldPlaces(spec, schema, route)].filter((place) => !entry.answerFields.has(place));
      return missing.length === 0 ? [] : [`${route}: ${missing.join(' ')}`];
    }),
  );
}

function isAbsent(entry: Exercised): boolean {
  return entry.statuses.has(501);
}

function renderRow(spec: Spec, route: string, operation: Operation, entry: Exercised): string {
  const parameters = operation.parameters
    .filter((parameter) => parameter.in !== 'path')
    .map(({ in: place, name }) => {
      const text = place === 'query' ? name : `${name} (${place})`;
      return entry.parameters.has(`${place} ${name}`) ? text : `~~${text}~~`;
    });
  const fields = bodyFields(spec, operation);
  const seen = fields.filter((field) => entry.bodyFields.has(field)).length;
  const cells = [
    `\`${route}\`${isAbsent(entry) ? ' *absent*' : ''}`,
    parameters.join(', ') || '–',
    fields.length === 0 ? '–' : `${seen} of ${fields.length}`,
    statuses(operation, entry),
    [...entry.versions].join(', ') || '–',
  ];
  return `| ${cells.join(' | ')} |`;
}

function statuses(operation: Operation, entry: Exercised): string {
  const named = Object.keys(operation.responses).map(Number);
  const others = [...entry.statuses].filter((status) => !named.includes(status)).sort();
  const texts = named.map((status) => (entry.statuses.has(status) ? `${status}` : `(${status})`));
  return [...texts, ...(others.length === 0 ? [] : [`and ${others.join(', ')}`])].join(' ');
}

function bodyFields(spec: Spec, operation: Operation): string[] {
  return operation.parameters
    .filter((parameter) => parameter.in === 'body')
    .flatMap((parameter) => [...fieldPlaces(spec, parameter.schema, parameter.name)])
    .filter((place) => !ofSwarm.test(place));
}

function missingFields(spec: Spec, route: string, operation: Operation, entry: Exercised): string[] {
  const missing = bodyFields(spec, operation).filter((field) => !entry.bodyFields.has(field));
  if (missing.length === 0 || isAbsent(entry)) return [];
  return [
    `- \`${route}\`: ${missing.map((field) => `\`${field.replace(/^(?:body|\w+Config)\.(?=\w+\.)/, '')}\``).join(', ')}`,
  ];
}
