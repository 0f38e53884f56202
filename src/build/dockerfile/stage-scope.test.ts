// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such texts are what is tested
/** Variables: global arguments, those of a stage, what each instruction replaces, and what is checked then. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StageInstruction } from './ast.ts';
import { DockerfileError } from './errors.ts';
import { expandInFrom, type GlobalScopeOptions, globalScope, unusedBuildArgs } from './global-scope.ts';
import { parseDockerfile } from './parse.ts';
import { proxyEnvironment } from './predefined-args.ts';
import { defaultPath, StageScope } from './stage-scope.ts';

const platforms: GlobalScopeOptions = {
  buildPlatform: { os: 'linux', architecture: 'amd64' },
  targetPlatform: { os: 'linux', architecture: 'arm', variant: 'v7' },
};

interface Walk {
  scope: StageScope;
  expanded: StageInstruction[];
}

/** Goes through the last stage of the file, `FROM base` put before it where it has none. */
function walk(text: string, options: { args?: Record<string, string>; environment?: string[] } = {}): Walk {
  const file = parseDockerfile(/^(#.*\n|ARG.*\n)*FROM/.test(text) ? text : `FROM base\n${text}`);
  const buildArgs = new Map(Object.entries(options.args ?? {}));
  const scope = StageScope.onImage(globalScope(file, { ...platforms, buildArgs }), options.environment ?? []);
  const expanded = (file.stages.at(-1)?.instructions ?? []).map((instruction) => scope.evaluate(instruction));
  return { scope, expanded };
}

function lastOf<K extends StageInstruction['kind']>(
  walked: Walk,
  kind: K,
): Extract<StageInstruction, { kind: K }> {
  const found = walked.expanded.at(-1);
  assert.equal(found?.kind, kind);
  return found as Extract<StageInstruction, { kind: K }>;
}

function variableV(text: string, options?: Parameters<typeof walk>[1]): string | undefined {
  return walk(text, options).scope.environment.get('V');
}

test('FROM sees the arguments above it and the platforms, not those of stages', () => {
  const file = parseDockerfile('ARG A=1\nARG B=$A-2\nARG C\nFROM x\nARG D=4\nFROM y');
  const scope = globalScope(file, { ...platforms, buildArgs: new Map([['C', 'given']]) });
  const range = file.stages[0]?.from.range;
  assert.ok(range !== undefined);
  const of = (text: string): string => expandInFrom(scope, text, range).text;
  assert.equal(of('$A/$B/$C/$D'), '1/1-2/given/');
  assert.equal(of('$BUILDPLATFORM $BUILDOS $BUILDARCH $BUILDVARIANT'), 'linux/amd64 linux amd64 ');
  assert.equal(of('$TARGETPLATFORM $TARGETOS $TARGETARCH $TARGETVARIANT'), 'linux/arm/v7 linux arm v7');
  assert.equal(of('$TARGETSTAGE'), 'default');
});

test('a value from outside wins over a default, and a default over the global value', () => {
  assert.equal(variableV('ARG V=1', { args: { V: 'given' } }), 'given');
  assert.equal(variableV('ARG V=1'), '1');
  assert.equal(variableV('ARG V=global\nFROM base\nARG V'), 'global');
  assert.equal(variableV('ARG V=global\nFROM base\nARG V=own'), 'own');
  assert.equal(variableV('ARG V=global\nFROM base\nRUN x'), undefined);
  assert.equal(variableV('ARG V'), undefined);
});

test('several in one ARG: each sees those before it', () => {
  const { scope } = walk('ARG A=1 B=$A C=${B}$D');
  assert.deepEqual(scope.args, [
    { name: 'A', value: '1' },
    { name: 'B', value: '1' },
    { name: 'C', value: '1' },
  ]);
});

test("the platform's arguments have to be asked for", () => {
  assert.equal(variableV('ENV V=[$TARGETARCH]'), '[]');
  assert.equal(variableV('ARG TARGETARCH\nENV V=[$TARGETARCH]'), '[arm]');
  assert.equal(
    variableV('ARG TARGETARCH\nENV V=$TARGETARCH', { args: { TARGETARCH: 'riscv64' } }),
    'riscv64',
  );
});

test('ENV wins over ARG from where it stands, and over what the base image set', () => {
  assert.equal(variableV('ARG V\nENV V=env', { args: { V: 'given' } }), 'env');
  assert.equal(variableV('ARG V=arg\nENV V=${V:-x}-env'), 'arg-env');
  assert.equal(variableV('ENV V=new', { environment: ['V=base'] }), 'new');
  assert.equal(variableV('ARG V', { environment: ['V=base'] }), 'base');
});

test('one ENV sees only what was before it', () => {
  const { scope } = walk('ENV A=old\nENV A=new B=$A');
  assert.equal(scope.environment.get('B'), 'old');
  assert.equal(scope.environment.get('A'), 'new');
});

test('a stage begins with the environment of its image, and always has a PATH', () => {
  assert.equal(walk('ENV V=$P', { environment: ['P=a=b'] }).scope.environment.get('V'), 'a=b');
  assert.equal(walk('USER a').scope.environment.get('PATH'), defaultPath);
  assert.equal(walk('USER a', { environment: ['PATH=/x'] }).scope.environment.get('PATH'), '/x');
});

test('a stage on a stage goes on with its variables, and leaves them as they are', () => {
  const file = parseDockerfile('FROM base AS a\nARG V=1\nFROM a\nENV W=$V\nENV V=2');
  const below = StageScope.onImage(globalScope(file, platforms), []);
  for (const instruction of file.stages[0]?.instructions ?? []) below.evaluate(instruction);
  const above = below.child();
  for (const instruction of file.stages[1]?.instructions ?? []) above.evaluate(instruction);
  assert.equal(above.environment.get('W'), '1');
  assert.equal(below.environment.get('V'), '1');
  assert.deepEqual(above.args, [{ name: 'V', value: '2' }]);
});

test('which texts are replaced', () => {
  const set = 'ENV A=1 B="x y" D=/d\n';
  const last = (text: string): StageInstruction | undefined => walk(set + text).expanded.at(-1);
  const has = (text: string, fields: object): void => assert.partialDeepStrictEqual(last(text), fields);
  has('LABEL "$A"=$B', { labels: [{ key: '1', value: 'x y' }] });
  has('WORKDIR $D/$A', { path: '/d/1' });
  has('USER u$A', { user: 'u1' });
  has('VOLUME $D /e', { paths: ['/d', '/e'] });
  has('STOPSIGNAL $A', { signal: '1' });
  has('STOPSIGNAL 99', { signal: '99' });
  has('EXPOSE ${A}0 ${A}1-${A}3/udp', { ports: ['10', '11-13/udp'] });
  has('ENV P="80 90"\nEXPOSE $P', { ports: ['80', '90'] });
  has('COPY --chown=$A:$A --chmod=0$A a$A $D/', {
    chown: '1:1',
    chmod: '01',
    sources: ['a1'],
    destination: '/d/',
  });
  has('COPY --exclude=$A a b', { exclude: ['$A'] });
  has('ADD --checksum=sha256:$A http://h/$A $D/', { checksum: 'sha256:1', sources: ['http://h/1'] });
  has('COPY <<E <<"F" /x/\n"$A" \\$A\nE\n$A\nF', {
    files: [
      { name: 'E', content: '"1" $A\n' },
      { name: 'F', content: '$A\n' },
    ],
  });
});

test("commands are the shell's, and are left alone", () => {
  for (const text of [
    'RUN echo $A',
    'CMD echo $A',
    'ENTRYPOINT ["$A"]',
    'SHELL ["$A"]',
    'ONBUILD RUN $A',
    'HEALTHCHECK CMD $A',
    'MAINTAINER $A',
  ])
    assert.equal(JSON.stringify(walk(`ENV A=1\n${text}`).expanded.at(-1)).includes('"1"'), false, text);
});

test('mounts are read with their variables', () => {
  const walked = walk(
    'ARG T=cache ID=x\nRUN --mount=type=$T,id=$ID,target=/c --mount=type=bind,target=/$ID,rw y',
  );
  const [cache, bind] = walked.scope.mountsOf(lastOf(walked, 'run'));
  assert.partialDeepStrictEqual(cache, { type: 'cache', id: 'x', target: '/c', readOnly: false });
  assert.partialDeepStrictEqual(bind, { type: 'bind', target: '/x', readOnly: false });
});

test('the escape directive counts, but not within here-documents', () => {
  const walked = walk('# escape=`\nFROM base\nENV A=1\nENV B=`$A C="\\a"\nCOPY <<E /x\n`$A \\$A\nE');
  assert.equal(walked.scope.environment.get('B'), '$A');
  assert.equal(walked.scope.environment.get('C'), '\\a');
  assert.equal(lastOf(walked, 'copy').files[0]?.content, '`1 $A\n');
});

test('what is not set is noted once for each instruction; a declared ARG is known', () => {
  const { scope } = walk('ARG KNOWN\nENV NAME=1\nENV V=$KNOWN$NAM$NAM\nUSER $NAM\nEXPOSE 80$NAM');
  assert.deepEqual(
    scope.unset.map(({ name, instruction }) => [name, instruction.kind]),
    [
      ['NAM', 'env'],
      ['NAM', 'user'],
    ],
  );
  assert.ok(scope.unset[0]?.known.includes('NAME'));
});

const failures: Array<[text: string, message: RegExp]> = [
  ['ARG A\nWORKDIR ${A:?set A}', /^failed to process "\$\{A:\?set A\}": A: set A$/],
  ['RUN x\nUSER ${', /^failed to process "\$\{": syntax error: missing '\}'$/],
  ['RUN x\nEXPOSE 80/foo', /^invalid port: "80\/foo": invalid proto: foo$/],
  ['RUN x\nSTOPSIGNAL SIGNOT', /SIGNOT/],
  ['RUN x\nCOPY --chmod=9 a b', /^invalid chmod parameter: '9'/],
  ['RUN x\nCOPY --link --chown=me a b', /^--chown=me: user and group names can't be resolved/],
  ['RUN x\nCOPY http://h/x b', /^source can't be a URL for COPY$/],
  ['RUN x\nCOPY https://h/x.git b', /^source can't be a git ref for COPY$/],
  ['RUN x\nADD --checksum=sha256:00 a b', /^checksum requires HTTP\(S\) or Git sources$/],
  [
    'RUN x\nADD --checksum=sha256:00 http://h/a http://h/b c',
    /^checksum can't be specified for multiple sources$/,
  ],
  ['RUN x\nADD --checksum=what http://h/a b', /^invalid checksum digest format$/],
  ['RUN x\nVOLUME $NOPE', /^VOLUME specified can not be an empty string$/],
];

for (const [text, message] of failures) {
  test(`fails at its line: ${text.split('\n')[1]}`, () => {
    assert.throws(
      () => walk(text),
      (error) => {
        assert.ok(error instanceof DockerfileError);
        assert.match(error.message, message);
        assert.equal(error.details['line'], 3);
        assert.match(error.excerpt, /3 \| >>> /);
        return true;
      },
    );
  });
}

test('a default of a global argument that fails is an error at its line', () => {
  const file = parseDockerfile('ARG A="${B:?needs B}"\nFROM a');
  assert.throws(() => globalScope(file, platforms), { message: /B: needs B$/ });
  assert.equal(globalScope(file, { ...platforms, buildArgs: new Map([['A', 'x']]) }).values.get('A'), 'x');
});

test('proxies are for RUN alone, and no argument of theirs or of the builder is unused', () => {
  const args = new Map([
    ['HTTP_PROXY', 'p'],
    ['BUILDKIT_INLINE_CACHE', '1'],
    ['TARGETARCH', 'arm'],
    ['A', '1'],
    ['B', '2'],
  ]);
  assert.deepEqual(
    [...proxyEnvironment(args)],
    [
      ['HTTP_PROXY', 'p'],
      ['http_proxy', 'p'],
    ],
  );
  assert.equal(variableV('ENV V=[$HTTP_PROXY]', { args: { HTTP_PROXY: 'p' } }), '[]');
  assert.deepEqual(unusedBuildArgs(parseDockerfile('FROM a\nARG A'), args), ['B']);
});
