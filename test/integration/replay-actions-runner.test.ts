/** A job with a service as GitHub's Actions runner does it: the command lines that it runs, by docker and by gantry, and what it reads from their output. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { dockerCli, TestDaemon } from '../support/daemon.ts';

const label = 'a1b2c3';
const work = mkdtempSync(join(tmpdir(), 'gantry-actions-'));
let daemon: TestDaemon;
before(async () => {
  daemon = await TestDaemon.start();
  for (const name of ['_temp', 'repo', '_actions']) mkdirSync(join(work, name));
});
after(async () => {
  await daemon.close();
  rmSync(work, { recursive: true, force: true });
});

for (const client of ['bin/gantry', ...(dockerCli === undefined ? [] : [dockerCli])]) {
  describe(client, () => {
    const network = `github_network_${client.length}f0e1`;
    const own = (text: string): Promise<string> => {
      daemon.client = client;
      return daemon.ok(text.split(' '));
    };

    test('what it asks of the daemon, and what an earlier job left', async () => {
      assert.match(await own('version --format {{.Server.APIVersion}}'), /^\d+\.\d+$/);
      assert.match(await own('version --format {{.Client.APIVersion}}'), /^\d+\.\d+$/);
      const left = await own(`create --label ${label} busybox true`);
      await own(`network create --label ${label} left_${label}`);
      assert.equal(await own(`ps --all --quiet --no-trunc --filter label=${label}`), left);
      await own(`rm --force ${left}`);
      assert.equal(
        await own(`network prune --force --filter label=${label}`),
        `Deleted Networks:\nleft_${label}`,
      );
    });

    test('a service and a job container in a network, steps by exec, clean-up', async () => {
      assert.match(await own(`network create --label ${label} ${network}`), /^[0-9a-f]{64}$/);
      const health = [
        '--health-cmd',
        'test -e /www/ready',
        '--health-interval',
        '100ms',
        '--health-retries',
        '50',
      ];
      const service = await daemon.ok([
        ...[
          'create',
          '--name',
          'c0ffee_web_1',
          '--label',
          label,
          '--network',
          network,
          '--network-alias',
          'web',
        ],
        ...['-p', '80', ...health, '-e', 'GITHUB_ACTIONS=true', '-e', 'CI=true', 'busybox'],
        ...['sh', '-c', 'mkdir /www; echo page >/www/index.html; touch /www/ready; exec httpd -f -h /www'],
      ]);
      await own(`start ${service}`);
      const status = await daemon.ok([
        ...['ps', '--all', '--filter', `id=${service}`, '--filter', 'status=running'],
        ...['--no-trunc', '--format', '{{.ID}} {{.Status}}'],
      ]);
      assert.match(status, new RegExp(`^${service} Up `));
      const ports = await own(`port ${service}`);
      assert.match(ports, /^80\/tcp -> 0\.0\.0\.0:(\d+)/m);

      const job = await daemon.ok([
        ...[
          'create',
          '--name',
          'c0ffee_busybox_2',
          '--label',
          label,
          '--workdir',
          '/__w/repo',
          '--network',
          network,
        ],
        ...['-e', 'HOME=/github/home', '-e', 'GITHUB_ACTIONS=true', '-e', 'CI=true'],
        ...[
          '-v',
          `${daemon.socket}:/var/run/docker.sock`,
          '-v',
          `${work}:/__w`,
          '-v',
          `${work}/_temp:/__w/_temp`,
        ],
        ...['-v', `${work}/_actions:/__w/_actions:ro`, '--entrypoint', 'tail', 'busybox', '-f', '/dev/null'],
      ]);
      await own(`start ${job}`);
      const environment = await daemon.ok([
        ...['inspect', '--format', '{{range .Config.Env}}{{println .}}{{end}}', job],
      ]);
      assert.match(environment, /^HOME=\/github\/home$[\s\S]*^PATH=/m);
      const healthOf = [
        'inspect',
        '--format={{if .Config.Healthcheck}}{{print .State.Health.Status}}{{end}}',
      ];
      assert.equal(await daemon.ok([...healthOf, job]), '');
      for (let waited = 0; (await daemon.ok([...healthOf, service])) !== 'healthy'; waited += 100) {
        assert.ok(waited < 10_000);
        await sleep(100);
      }
      writeFileSync(
        join(work, '_temp/step.sh'),
        'pwd; echo "$INPUT $HOME"; wget -q -O - http://web/; read line && echo "$line"; exit 3\n',
      );
      const step = await daemon.docker(
        [...['exec', '-i', '--workdir', '/__w/repo', '-e', 'INPUT', job, 'sh', '-e', '/__w/_temp/step.sh']],
        { env: { INPUT: 'secret' }, input: 'typed\n' },
      );
      assert.deepEqual(step, {
        code: 3,
        stdout: '/__w/repo\nsecret /github/home\npage\ntyped\n',
        stderr: '',
      });
      const action = await daemon.docker(
        [
          ...[
            'run',
            '--name',
            'c0ffee_action',
            '--label',
            label,
            '--workdir',
            '/github/workspace',
            '--rm',
            '-e',
            'INPUT',
          ],
          ...[
            '-e',
            'GITHUB_ACTIONS=true',
            '--entrypoint',
            'sh',
            '--network',
            network,
            '-v',
            `${work}/repo:/github/workspace`,
          ],
          ...['busybox', '-c', 'pwd; echo $INPUT; echo made >file; echo bad >&2; exit 4'],
        ],
        { env: { INPUT: 'given' } },
      );
      assert.deepEqual(action, { code: 4, stdout: '/github/workspace\ngiven\n', stderr: 'bad\n' });
      await own(`logs --details ${service}`);
      for (const id of [job, service]) assert.equal(await own(`rm --force ${id}`), id);
      assert.equal(await own(`network rm ${network}`), network);
      assert.equal(await own(`ps --all --quiet --no-trunc --filter label=${label}`), '');
    });
  });
}
