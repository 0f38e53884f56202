/** Every instruction and every flag of the reference, and what is refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DockerfileError } from './errors.ts';
import { parseDockerfile } from './parse.ts';

/** The fields of the one instruction that are its own. */
function fieldsOf(text: string): Record<string, unknown> {
  const [stage] = parseDockerfile(text.toUpperCase().startsWith('FROM') ? text : `FROM base\n${text}`).stages;
  const found: object | undefined = text.toUpperCase().startsWith('FROM')
    ? stage?.from
    : stage?.instructions[0];
  const shared = ['keyword', 'text', 'original', 'range', 'flags', 'comments', 'kind'];
  return Object.fromEntries(Object.entries(found ?? {}).filter(([name]) => !shared.includes(name)));
}

const shell = (text: string): object => ({ form: 'shell', text, heredocs: [] });
const exec = (...args: string[]): object => ({ form: 'exec', args });
const copy = {
  sources: ['a'],
  files: [],
  destination: '/b',
  chown: undefined,
  chmod: undefined,
  link: false,
  exclude: [],
  from: undefined,
  parents: false,
};
const { from: _from, parents: _parents, ...transfer } = copy;
const add = { ...transfer, keepGitDir: undefined, checksum: undefined, unpack: undefined };
const run = { command: shell('x'), mounts: [], network: 'default', security: 'sandbox', devices: [] };
const check = { interval: 0, timeout: 0, startPeriod: 0, startInterval: 0, retries: 0 };
const from = { image: 'a', name: undefined, writtenName: undefined, as: undefined, platform: undefined };

const forms: Array<[text: string, fields: object]> = [
  ['FROM a', from],
  ['from a aS B-1.x', { ...from, name: 'b-1.x', writtenName: 'B-1.x', as: 'aS' }],
  ['FROM --platform=$BUILDPLATFORM a', { ...from, platform: '$BUILDPLATFORM' }],
  ['RUN x', run],
  ['RUN --  x', run],
  ['RUN', { ...run, command: shell('') }],
  ['RUN [ "a", "b c" ]', { ...run, command: exec('a', 'b c') }],
  ['RUN ["a", b]', { ...run, command: shell('["a", b]') }],
  ['RUN --network=none x', { ...run, network: 'none' }],
  ['RUN --network=host --security=insecure x', { ...run, network: 'host', security: 'insecure' }],
  ['RUN --network=default --security=sandbox x', run],
  ['RUN --mount=target=/a --mount=type=ssh x', { ...run, mounts: ['target=/a', 'type=ssh'] }],
  ['RUN --mount="type=cache,target=/a b" x', { ...run, mounts: ['type=cache,target=/a b'] }],
  ['RUN --mount=type=$T,from=x x', { ...run, mounts: ['type=$T,from=x'] }],
  ['RUN --device=vendor.com/class=one,required x', { ...run, devices: ['vendor.com/class=one,required'] }],
  ['CMD a  b', { command: shell('a  b') }],
  ['CMD []', { command: exec() }],
  ['ENTRYPOINT ["a"]', { command: exec('a') }],
  ['SHELL ["bash", "-c"]', { shell: ['bash', '-c'] }],
  [
    'LABEL a=b "c d"=e',
    {
      labels: [
        { key: 'a', value: 'b' },
        { key: '"c d"', value: 'e' },
      ],
      legacy: false,
    },
  ],
  ['LABEL a b c', { labels: [{ key: 'a', value: 'b c' }], legacy: true }],
  ['MAINTAINER me <a@b>', { maintainer: 'me <a@b>' }],
  ['EXPOSE 80 53/udp 8000-8010', { ports: ['53/udp', '80', '8000-8010'] }],
  [
    'ENV a=b c="d e" f=g\\ h',
    {
      variables: [
        { key: 'a', value: 'b' },
        { key: 'c', value: '"d e"' },
        { key: 'f', value: 'g\\ h' },
      ],
      legacy: false,
    },
  ],
  ['ENV a  b = c', { variables: [{ key: 'a', value: 'b = c' }], legacy: true }],
  ['COPY a /b', copy],
  ['COPY a b c/', { ...copy, sources: ['a', 'b'], destination: 'c/' }],
  ['COPY ["a b", "/c d"]', { ...copy, sources: ['a b'], destination: '/c d' }],
  [
    'COPY --from=x --chown=1:2 --chmod=u=rw,go=r a /b',
    { ...copy, from: 'x', chown: '1:2', chmod: 'u=rw,go=r' },
  ],
  [
    'COPY --link --parents --exclude=*.o --exclude=*.a a /b',
    { ...copy, link: true, parents: true, exclude: ['*.o', '*.a'] },
  ],
  ['COPY --link=false --parents=TRUE a /b', { ...copy, parents: true }],
  [
    'COPY <<A <<"B" c /b/\none\nA\n$x\nB',
    {
      ...copy,
      sources: ['c'],
      destination: '/b/',
      files: [
        { name: 'A', content: 'one\n', expand: true },
        { name: 'B', content: '$x\n', expand: false },
      ],
    },
  ],
  [
    'COPY <<-A /b\n\t\tone\n\tA',
    { ...copy, sources: [], files: [{ name: 'A', content: 'one\n', expand: true }] },
  ],
  ['ADD a /b', add],
  [
    'ADD --checksum=sha256:00 --chmod=0644 https://h/x /b',
    { ...add, sources: ['https://h/x'], checksum: 'sha256:00', chmod: '0644' },
  ],
  [
    'ADD --keep-git-dir --unpack=false --link --chown=a --exclude=x a /b',
    { ...add, keepGitDir: true, unpack: false, link: true, chown: 'a', exclude: ['x'] },
  ],
  ['VOLUME /a /b', { paths: ['/a', '/b'] }],
  ['VOLUME ["/a b"]', { paths: ['/a b'] }],
  ['USER a:b', { user: 'a:b' }],
  ['WORKDIR /a b', { path: '/a b' }],
  ['ARG A', { args: [{ name: 'A', value: undefined, description: undefined }] }],
  [
    'ARG A=1 B= C="x y"',
    {
      args: [
        ['A', '1'],
        ['B', ''],
        ['C', '"x y"'],
      ].map(([name, value]) => ({ name, value, description: undefined })),
    },
  ],
  ['ONBUILD  run  x', { trigger: 'run  x' }],
  ['ONBUILD COPY <<E /x\na\nE', { trigger: 'COPY <<E /x\na\nE' }],
  ['STOPSIGNAL SIGQUIT', { signal: 'SIGQUIT' }],
  ['HEALTHCHECK none', { check: 'none' }],
  ['HEALTHCHECK CMD a b', { check: { ...check, command: shell('a b') } }],
  [
    'HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --start-interval=1s --retries=3 CMD ["a"]',
    {
      check: {
        command: exec('a'),
        interval: 90e9,
        timeout: 5e8,
        startPeriod: 2e9,
        startInterval: 1e9,
        retries: 3,
      },
    },
  ],
];

for (const [text, fields] of forms) {
  test(`reads ${text.replace(/\n/g, '⏎')}`, () => {
    assert.deepEqual(fieldsOf(text), fields);
  });
}

const refusals: Array<[text: string, message: string]> = [
  ['FROM', 'FROM requires either one or three arguments'],
  ['FROM a b', 'FROM requires either one or three arguments'],
  ['FROM a AS 1x', 'invalid name for build stage: "1x", name can\'t start with a number or contain symbols'],
  ['FROM --platfrom=x a', 'unknown flag: --platfrom (did you mean platform?)'],
  ['RUN ["a", 1]', 'when using JSON array syntax, arrays must be comprised of strings only'],
  ['RUN --network=hots x', 'invalid network mode "hots" (did you mean host?)'],
  ['RUN --security=none x', 'security "none" is not valid'],
  ['RUN --mount x', 'missing a value on flag: --mount'],
  [
    'RUN --mount=from=$X,target=/a x',
    "'from' doesn't support variable expansion, define alias stage instead",
  ],
  ['RUN --mount=type=cahce,target=/a x', 'unsupported mount type "cahce" (did you mean cache?)'],
  ['RUN --device=a,b x', "invalid field 'b' must be a key=value pair"],
  ['RUN --device=a,required=x x', 'invalid value for required: x'],
  ['SHELL', 'SHELL requires at least one argument'],
  ['SHELL []', 'SHELL requires at least one argument'],
  ['SHELL bash -c', 'SHELL requires the arguments to be in JSON form'],
  ['LABEL', 'LABEL requires at least one argument'],
  ['LABEL a', 'LABEL must have two arguments'],
  ['LABEL a=b c', 'Syntax error - can\'t find = in "c". Must be of the form: name=value'],
  ['LABEL =b', 'LABEL names can not be blank'],
  ['MAINTAINER', 'MAINTAINER requires exactly one argument'],
  ['EXPOSE', 'EXPOSE requires at least one argument'],
  ['ENV', 'ENV requires at least one argument'],
  ['ENV a', 'ENV must have two arguments'],
  ['ENV a=b c', 'Syntax error - can\'t find = in "c". Must be of the form: name=value'],
  [
    'COPY a',
    'COPY requires at least two arguments, but only one was provided. Destination could not be determined',
  ],
  [
    'ADD',
    'ADD requires at least two arguments, but only one was provided. Destination could not be determined',
  ],
  ['COPY a <<E\nE', 'COPY cannot accept a heredoc as a destination'],
  ['COPY --lnk a b', 'unknown flag: --lnk (did you mean link?)'],
  ['COPY --link=yes a b', 'expecting boolean value for flag --link, not: yes'],
  ['COPY --link= a b', 'missing a value on flag: --link'],
  ['COPY --from=a --from=b a b', 'duplicate flag specified: --from'],
  ['COPY --checksum=x a b', 'unknown flag: --checksum'],
  ['ADD --from=x a b', 'unknown flag: --from'],
  ['VOLUME', 'VOLUME requires at least one argument'],
  ['VOLUME ["/a", " "]', 'VOLUME specified can not be an empty string'],
  ['USER', 'USER requires exactly one argument'],
  ['WORKDIR', 'WORKDIR requires exactly one argument'],
  ['ARG', 'ARG requires at least one argument'],
  ['ARG =x', 'ARG names can not be blank'],
  ['ONBUILD', 'ONBUILD requires at least one argument'],
  ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
  ['ONBUILD maintainer x', "MAINTAINER isn't allowed as an ONBUILD trigger"],
  ['ONBUILD COPYY a b', 'unknown instruction: COPYY (did you mean COPY?)'],
  ['ONBUILD RUN <<E\nx', 'unterminated heredoc'],
  ['STOPSIGNAL', 'STOPSIGNAL requires exactly one argument'],
  ['HEALTHCHECK', 'HEALTHCHECK requires at least one argument'],
  ['HEALTHCHECK NONE x', 'HEALTHCHECK NONE takes no arguments'],
  ['HEALTHCHECK EXEC x', 'Unknown type "EXEC" in HEALTHCHECK (try CMD)'],
  ['HEALTHCHECK CMD', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK CMD []', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK --interval=5 CMD x', 'time: missing unit in duration "5"'],
  ['HEALTHCHECK --timeout=1us CMD x', 'Interval "timeout" cannot be less than 1ms'],
  ['HEALTHCHECK --retries=-1 CMD x', '--retries cannot be negative (-1)'],
  ['HEALTHCHECK --retries=x CMD x', 'invalid value "x" for --retries'],
  ['entrypont a', 'unknown instruction: entrypont (did you mean entrypoint?)'],
  ['NOTHING a', 'unknown instruction: NOTHING'],
];

for (const [text, message] of refusals) {
  test(`refuses ${text.replace(/\n/g, '⏎')}`, () => {
    const isFrom = text.startsWith('FROM');
    assert.throws(
      () => parseDockerfile(isFrom ? text : `FROM base\n${text}`),
      (error) => {
        assert.ok(error instanceof DockerfileError);
        assert.equal(error.message, `dockerfile parse error on line ${isFrom ? 1 : 2}: ${message}`);
        assert.equal(error.range?.start.line, isFrom ? 1 : 2);
        assert.notEqual(error.hint, undefined);
        return true;
      },
    );
  });
}
