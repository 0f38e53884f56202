// biome-ignore-all lint/suspicious/noTemplateCurlyInString: such texts are what is tested
/** Each build check: what it finds, in Docker's words, and what it lets pass. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoreMatcher } from '../../../util/patterns/ignore.ts';
import { DockerfileError } from '../errors.ts';
import { parseDockerfile } from '../parse.ts';
import { parseCheckOptions } from './check-directive.ts';
import {
  type BaseFacts,
  type CheckResult,
  type CheckRunOptions,
  checkDockerfile,
} from './check-dockerfile.ts';
import { type RuleName, rules } from './rules.ts';
import { formatWarning } from './warnings.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const base: BaseFacts = { environment: ['PATH=/bin', 'BASE=1'], hasShell: false, platform: amd64 };

function check(text: string, options: Partial<CheckRunOptions> = {}): CheckResult {
  return checkDockerfile(parseDockerfile(text), {
    buildPlatform: amd64,
    targetPlatform: amd64,
    baseOf: () => base,
    ...options,
  });
}

function found(text: string, options?: Partial<CheckRunOptions>): string[] {
  return check(text, options).warnings.map(formatWarning);
}

/** For each rule a file in which it finds something, what that is, and a file in which it finds nothing. */
const cases: Array<[rule: RuleName, bad: string, message: string, line: number, good: string]> = [
  ['StageNameCasing', 'FROM a AS Web', "Stage name 'Web' should be lowercase", 1, 'FROM a AS web'],
  ['FromAsCasing', 'FROM a as web', "'as' and 'FROM' keywords' casing do not match", 1, 'from a as web'],
  ['FromAsCasing', 'from a AS web', "'AS' and 'from' keywords' casing do not match", 1, 'FROM a AS web'],
  [
    'NoEmptyContinuation',
    'FROM a\nRUN x \\\n\n  y',
    'Empty continuation line',
    4,
    'FROM a\nRUN x \\\n  # c\n  y',
  ],
  [
    'ConsistentInstructionCasing',
    'FROM a\nrun x',
    "Command 'run' should match the case of the command majority (uppercase)",
    2,
    'FROM a\nRUN x',
  ],
  [
    'ConsistentInstructionCasing',
    'from a\nrun x\nUser b',
    "Command 'User' should match the case of the command majority (lowercase)",
    3,
    'from a\nrun x',
  ],
  [
    'DuplicateStageName',
    'FROM a AS x\nFROM b AS X',
    'Duplicate stage name "x", stage names should be unique',
    2,
    'FROM a AS x\nFROM b AS y',
  ],
  [
    'ReservedStageName',
    'FROM a AS context',
    'Stage name should not use the same name as reserved stage "context"',
    1,
    'FROM a AS ctx',
  ],
  [
    'JSONArgsRecommended',
    'FROM a\nCMD x',
    'JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
    2,
    'FROM a\nSHELL ["/bin/bash", "-c"]\nCMD x',
  ],
  [
    'JSONArgsRecommended',
    'FROM a\nENTRYPOINT x',
    'JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals',
    2,
    'FROM a\nENTRYPOINT ["x"]',
  ],
  [
    'MaintainerDeprecated',
    'FROM a\nMAINTAINER me',
    'Maintainer instruction is deprecated in favor of using label',
    2,
    'FROM a\nLABEL m=me',
  ],
  [
    'UndefinedArgInFrom',
    'ARG VERSION=1\nFROM a:${VERSON:-1}',
    "FROM argument 'VERSON' is not declared (did you mean VERSION?)",
    2,
    'ARG VERSION\nFROM a:${VERSION:-1}',
  ],
  [
    'WorkdirRelativePath',
    'FROM a\nWORKDIR x\nWORKDIR y',
    'Relative workdir "x" can have unexpected results if the base image changes',
    2,
    'FROM a AS b\nWORKDIR /x\nFROM b\nWORKDIR y',
  ],
  [
    'UndefinedVar',
    'FROM a\nENV NAME=1\nUSER $NAM',
    "Usage of undefined variable '$NAM' (did you mean $NAME?)",
    3,
    'FROM a\nARG NAM\nUSER $NAM$BASE$PATH',
  ],
  [
    'MultipleInstructionsDisallowed',
    'FROM a\nCMD ["x"]\nCMD ["y"]',
    'Multiple CMD instructions should not be used in the same stage because only the last one will be used',
    2,
    'FROM a AS b\nCMD ["x"]\nFROM b\nCMD ["y"]',
  ],
  [
    'MultipleInstructionsDisallowed',
    'FROM a\nHEALTHCHECK NONE\nRUN x\nHEALTHCHECK NONE',
    'Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used',
    2,
    'FROM a\nHEALTHCHECK NONE',
  ],
  [
    'LegacyKeyValueFormat',
    'FROM a\nENV a b',
    '"ENV key=value" should be used instead of legacy "ENV key value" format',
    2,
    'FROM a\nENV a=b',
  ],
  [
    'LegacyKeyValueFormat',
    'FROM a\nLABEL a b',
    '"LABEL key=value" should be used instead of legacy "LABEL key value" format',
    2,
    'FROM a\nLABEL a=b',
  ],
  [
    'RedundantTargetPlatform',
    'FROM --platform=$TARGETPLATFORM a',
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
    1,
    'FROM --platform=$BUILDPLATFORM a',
  ],
  [
    'SecretsUsedInArgOrEnv',
    'FROM a\nARG API_KEY',
    'Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY")',
    2,
    'FROM a\nARG PUBLIC_KEY\nARG KEYBOARD',
  ],
  [
    'SecretsUsedInArgOrEnv',
    'FROM a\nENV password=x',
    'Do not use ARG or ENV instructions for sensitive data (ENV "password")',
    2,
    'FROM a\nENV PASSWORD_FILE=/x TOKEN_VERSION=1',
  ],
  [
    'InvalidDefaultArgInFrom',
    'ARG TAG\nFROM a:$TAG',
    'Default value for ARG a:$TAG results in empty or invalid base image name',
    2,
    'ARG TAG=1\nFROM a:$TAG',
  ],
  [
    'FromPlatformFlagConstDisallowed',
    'FROM --platform=linux/amd64 a',
    'FROM --platform flag should not use constant value "linux/amd64"',
    1,
    'FROM --platform=linux/amd64 a AS build-amd64',
  ],
  [
    'InvalidBaseImagePlatform',
    'FROM --platform=linux/arm64 a AS arm64',
    'Base image a was pulled with platform "linux/amd64", expected "linux/arm64" for current build',
    1,
    'FROM a',
  ],
  [
    'CopyIgnoredFile',
    'FROM a\nCOPY ./dist/app.log /x',
    'Attempting to Copy file "dist/app.log" that is excluded by .dockerignore',
    2,
    'FROM a AS b\nCOPY dist/app /x\nFROM b\nCOPY --from=b /x.log /y\nADD http://h/x.log /z',
  ],
  [
    'CopyIgnoredFile',
    'FROM a\nADD secret /x',
    'Attempting to Add file "secret" that is excluded by .dockerignore',
    2,
    'FROM a\nADD secrets /x',
  ],
  [
    'InvalidDefinitionDescription',
    '# hello\nFROM a AS web',
    'Comment for FROM should follow the format: `# web <description>`',
    2,
    '# hello\n#\nFROM a AS web',
  ],
  [
    'InvalidDefinitionDescription',
    'FROM a\n# hello\nARG A B',
    'Comment for ARG should follow the format: `# <arg_key> <description>`',
    3,
    'FROM a\n# A is it\nARG A B',
  ],
  [
    'ExposeProtoCasing',
    'FROM a\nEXPOSE 80/TCP',
    "Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
    2,
    'FROM a\nEXPOSE 80/tcp',
  ],
  [
    'ExposeInvalidFormat',
    'FROM a\nEXPOSE 8080:80',
    "EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
    2,
    'FROM a\nEXPOSE 80-90',
  ],
  [
    'InvalidJSONForm',
    "FROM a\nRUN ['x', 'y']",
    `"['x', 'y']" is no valid JSON array and is run by the shell: use double quotes`,
    2,
    'FROM a\nRUN [ -e x ]',
  ],
];

const everything = {
  ignore: ignoreMatcher(['**/*.log', 'secret']),
  options: parseCheckOptions('experimental=all'),
  // Some files are wrong without arguments on purpose.
  buildArgs: new Map([['TAG', '1']]),
};

for (const [rule, bad, message, line, good] of cases) {
  test(`${rule}: ${bad.replace(/\n/g, '⏎')}`, () => {
    assert.ok(
      found(bad, everything).includes(`${rule}: ${message} (line ${line})`),
      found(bad, everything).join('\n'),
    );
    assert.deepEqual(
      found(good, everything).filter((warning) => warning.startsWith(`${rule}:`)),
      [],
    );
  });
}

test('every rule has a case', () => {
  const tested = new Set<string>(cases.map(([rule]) => rule));
  assert.deepEqual(
    Object.keys(rules).filter((rule) => !tested.has(rule)),
    [],
  );
});

test('a file with nothing to say of', () => {
  const text =
    'ARG TAG=1\nFROM a:$TAG AS build\nWORKDIR /src\nCOPY . .\nRUN make\nFROM scratch\nCOPY --from=build /src/x /x\nCMD ["/x"]\n';
  assert.deepEqual(check(text, everything), { warnings: [], error: undefined });
});

test('a warning has the description, an address and the whole range', () => {
  const [warning] = check('FROM a\nCMD x \\\n  y').warnings;
  assert.equal(warning?.url, 'https://docs.docker.com/go/dockerfile/rule/json-args-recommended/');
  assert.match(warning?.description ?? '', /^JSON arguments recommended for ENTRYPOINT\/CMD/);
  assert.deepEqual(warning?.ranges, [{ start: { line: 2, column: 1 }, end: { line: 3, column: 4 } }]);
});

test('checks are turned off for the file, or at one instruction', () => {
  const text = 'FROM a\nMAINTAINER me\nCMD x\n';
  assert.equal(found(text).length, 2);
  assert.equal(found(`# check=skip=all\n${text}`).length, 0);
  assert.deepEqual(
    found(`# check=skip=MaintainerDeprecated\n${text}`).map((one) => one.split(':')[0]),
    ['JSONArgsRecommended'],
  );
  assert.equal(found('FROM a\n# check=skip=JSONArgsRecommended\nCMD x\n').length, 0);
  assert.equal(
    found(text, { options: parseCheckOptions('skip=JSONArgsRecommended, MaintainerDeprecated') }).length,
    0,
  );
});

test('experimental checks have to be asked for', () => {
  const text = '# hello\nFROM a AS web\n';
  assert.equal(found(text).length, 0);
  assert.equal(found(`# check=experimental=InvalidDefinitionDescription\n${text}`).length, 1);
});

test('error=true makes an error of warnings, and only of those', () => {
  const result = check('# check=error=true\nFROM a\nCMD x\nMAINTAINER b\nMAINTAINER c');
  assert.equal(
    result.error?.message,
    'lint violation found for rules: JSONArgsRecommended, MaintainerDeprecated',
  );
  assert.equal(result.warnings.length, 3);
  assert.equal(check('# check=error=true\nFROM a\nRUN x').error, undefined);
  assert.equal(check('# check=skip=JSONArgsRecommended;error=true\nFROM a\nCMD x').error, undefined);
});

test('options that are none are refused', () => {
  for (const text of ['skip', 'what=1', 'error=maybe', 'skip=a;'])
    assert.throws(() => parseCheckOptions(text), { message: /check option/ });
  assert.throws(
    () => check('# syntax=x\n# check=what=1\nFROM a'),
    (error) => error instanceof DockerfileError && error.details['line'] === 2,
  );
});

test('an error in the file comes with the warnings before it', () => {
  const { warnings, error } = check('FROM a AS X\nCOPY --from=x a b');
  assert.equal(error?.message, 'circular dependency detected on stage: x');
  assert.deepEqual(
    warnings.map((one) => one.rule),
    ['StageNameCasing'],
  );
  assert.match(check('FROM a\nUSER ${A:?no}').error?.message ?? '', /A: no/);
  assert.match(check('FROM a\nRUN --mount=type=$T x').error?.message ?? '', /unsupported mount type ""/);
});

test('a target leaves out what it does not need', () => {
  const text = 'FROM a AS one\nCMD x\nFROM b AS two\nRUN y';
  assert.equal(found(text).length, 1);
  assert.equal(found(text, { target: 'two' }).length, 0);
});

test('nothing is said of variables where the base image is not known', () => {
  const text = 'FROM a\nUSER $NOPE';
  assert.equal(found(text, { baseOf: () => undefined }).length, 0);
  assert.equal(found('FROM scratch\nUSER $NOPE', { baseOf: () => undefined }).length, 1);
});

test("with exceptions in the ignore file nothing is said of what is copied; the image's SHELL counts", () => {
  assert.equal(found('FROM a\nCOPY x.log y', { ignore: ignoreMatcher(['*.log', '!y.log']) }).length, 0);
  assert.equal(found('FROM a\nCMD x', { baseOf: () => ({ ...base, hasShell: true }) }).length, 0);
});
