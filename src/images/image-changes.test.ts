/** `--change` instructions, and the history that images tell. */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of Dockerfiles look like that
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { isEngineError } from '../errors/engine-error.ts';
import { chainIdsOf, digestOf } from '../oci/digest.ts';
import { applyChanges } from './image-changes.ts';
import { expandText, splitWords, variablesOf } from './image-changes-words.ts';
import { historyOf } from './image-history.ts';

test('each instruction changes its field', () => {
  const config = applyChanges({ Env: ['A=old', 'B=b'], WorkingDir: '/srv' }, [
    'CMD ["sh", "-c", "echo hi"]',
    'ENTRYPOINT exec top -b',
    'ENV A=new C="two words" D=\'single\'',
    'ENV E  old style  value',
    'EXPOSE 80 53/udp 8000-8002/tcp',
    'LABEL a=b "quoted key"="x=y"',
    'ONBUILD RUN make',
    'STOPSIGNAL SIGINT',
    'USER 1000:1000',
    'VOLUME /data "/with space"',
    'VOLUME ["/json"]',
    'WORKDIR app',
    'workdir deep',
    'HEALTHCHECK --interval=1m30s --retries=5 CMD curl -f http://localhost/',
  ]);
  assert.deepEqual(config, {
    Cmd: ['sh', '-c', 'echo hi'],
    Entrypoint: ['/bin/sh', '-c', 'exec top -b'],
    Env: ['A=new', 'B=b', 'C=two words', 'D=single', 'E=old style  value'],
    ExposedPorts: { '80/tcp': {}, '53/udp': {}, '8000/tcp': {}, '8001/tcp': {}, '8002/tcp': {} },
    Labels: { a: 'b', 'quoted key': 'x=y' },
    OnBuild: ['RUN make'],
    StopSignal: 'SIGINT',
    User: '1000:1000',
    Volumes: { '/data': {}, '/with space': {}, '/json': {} },
    WorkingDir: '/srv/app/deep',
    Healthcheck: { Interval: 90e9, Retries: 5, Test: ['CMD-SHELL', 'curl -f http://localhost/'] },
  });
  assert.deepEqual(applyChanges({}, ['HEALTHCHECK NONE']).Healthcheck, { Test: ['NONE'] });
  assert.deepEqual(applyChanges({}, ['HEALTHCHECK CMD ["a","b"]']).Healthcheck, { Test: ['CMD', 'a', 'b'] });
  assert.deepEqual(applyChanges({}, ['CMD a\nUSER b']), { Cmd: ['/bin/sh', '-c', 'a'], User: 'b' });
});

test('what is no change is refused', () => {
  const bad = [
    'RUN make',
    'FROM x',
    'NONSENSE',
    'ENV',
    'ENV A',
    'EXPOSE 0',
    'EXPOSE http',
    'EXPOSE 9-8',
    'USER',
    'USER a b',
    'VOLUME',
    'LABEL =x',
    'ENV A="open',
    'HEALTHCHECK',
    'HEALTHCHECK --interval=x CMD a',
    'WORKDIR',
    'STOPSIGNAL NOSUCH',
    'ONBUILD FROM x',
    'ONBUILD ONBUILD RUN x',
    'VOLUME ""',
  ];
  for (const line of bad)
    assert.throws(
      () => applyChanges({}, [line]),
      (error) => isEngineError(error, 'invalid-argument'),
      line,
    );
  assert.throws(() => applyChanges({}, ['RUN make']), /RUN is not a valid change command/);
});

test('variables are those of the environment so far', () => {
  const config = applyChanges({ Env: ['PATH=/bin', 'P=80 81', 'EMPTY='], Cmd: ['old'] }, [
    'ENV PATH=$PATH:/opt NEXT=$A A=1',
    'ENV B=${A} QUOTED="$A x" LITERAL=\'$A\' ESCAPED=\\$A',
    'ENV C ${MISSING:-some words} $A',
    'ENV D=${EMPTY:-empty} E=${EMPTY-set} F=${A:+given} G=${MISSING:+given} H=${MISSING:-${A}2}',
    'EXPOSE $P',
    'LABEL key-$A=$B',
    'USER u$A',
    'WORKDIR /srv/$A',
    'WORKDIR ../x',
    'VOLUME ["/v$A"]',
    'CMD echo $A',
    'STOPSIGNAL $A',
  ]);
  assert.deepEqual(config, {
    Env: [
      'PATH=/bin:/opt',
      'P=80 81',
      'EMPTY=',
      'NEXT=',
      'A=1',
      'B=1',
      'QUOTED=1 x',
      'LITERAL=$A',
      'ESCAPED=$A',
      'C=some words 1',
      'D=empty',
      'E=',
      'F=given',
      'G=',
      'H=12',
    ],
    Cmd: ['/bin/sh', '-c', 'echo $A'],
    ExposedPorts: { '80/tcp': {}, '81/tcp': {} },
    Labels: { 'key-1': '1' },
    User: 'u1',
    WorkingDir: '/srv/x',
    Volumes: { '/v1': {} },
    StopSignal: '1',
  });
  assert.throws(() => applyChanges({}, ['USER ${X:?give one}']), /X: give one/);
  assert.throws(() => applyChanges({}, ['USER ${X%.*}']), /unsupported modifier \(%\) in substitution/);
  assert.throws(() => applyChanges({}, ['USER ${X']), /unsupported modifier/);
});

test('an entrypoint takes the old command away, but not one among the changes', () => {
  assert.deepEqual(applyChanges({ Cmd: ['old'] }, ['ENTRYPOINT ["x"]']), { Entrypoint: ['x'] });
  assert.deepEqual(applyChanges({ Cmd: ['old'] }, ['CMD ["new"]', 'ENTRYPOINT ["x"]']), {
    Cmd: ['new'],
    Entrypoint: ['x'],
  });
});

test('comments and lines that go on are those of a Dockerfile', () => {
  const text = '# comment\nENV A=1 \\\n  # within\n  B=2\n\nUSER x';
  assert.deepEqual(applyChanges({}, [text, 'LABEL a=b \\']), {
    Env: ['A=1', 'B=2'],
    User: 'x',
    Labels: { a: 'b' },
  });
});

test('the configuration that was given stays as it is', () => {
  const config = { Env: ['A=1'], Labels: { a: 'b' } };
  applyChanges(config, ['ENV A=2', 'LABEL a=c']);
  assert.deepEqual(config, { Env: ['A=1'], Labels: { a: 'b' } });
});

test('words survive quoting, and no text hangs the splitter', () => {
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[a-z "$]{1,8}$/), { maxLength: 5 }), (words) => {
      const quoted = words.map((word) => `"${word.replace(/["\\$]/g, '\\$&')}"`).join(' ');
      assert.deepEqual(splitWords(quoted), words);
    }),
  );
  fc.assert(
    fc.property(fc.string({ maxLength: 300 }), (text) => {
      try {
        splitWords(text, variablesOf(['A=1', 'B']), true);
        expandText(text, variablesOf(['A=1']));
      } catch (error) {
        assert.ok(isEngineError(error, 'invalid-argument'));
      }
    }),
  );
});

test('history: newest first, sizes where a step made a layer, layers without a step too', () => {
  const diffIds = ['a', 'b', 'c'].map(digestOf);
  const sizes = new Map(chainIdsOf(diffIds).map((chainId, index) => [chainId, (index + 1) * 10]));
  const entries = historyOf(
    {
      id: 'sha256:image',
      repoTags: ['x:1'],
      config: {
        architecture: 'amd64',
        os: 'linux',
        rootfs: { type: 'layers', diff_ids: diffIds },
        history: [
          { created: '2024-01-02T03:04:05Z', created_by: 'ADD' },
          { created_by: 'CMD', empty_layer: true, comment: 'c' },
          { created: 'bad' },
        ],
      },
    },
    (chainId) => sizes.get(chainId) ?? 0,
  );
  assert.deepEqual(
    entries.map(({ id, size, createdBy, created }) => [id, size, createdBy, created]),
    [
      ['sha256:image', 30, '', undefined],
      ['<missing>', 20, '', undefined],
      ['<missing>', 0, 'CMD', undefined],
      ['<missing>', 10, 'ADD', Date.UTC(2024, 0, 2, 3, 4, 5)],
    ],
  );
  assert.deepEqual(entries[0]?.tags, ['x:1']);
});
