/** A filter that crun compiled once does the same when it is handed back, and in less time. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CompiledFilters } from '../../src/engine/spec/compiled-filters.ts';
import { type Bench, makeBench, statusFields } from '../support/isolation-bench.ts';

describe('compiled filters', () => {
  let bench: Bench;
  let filters: CompiledFilters;
  before(() => {
    bench = makeBench('crun');
    filters = new CompiledFilters();
  });
  after(() => bench.remove());

  const learn = () =>
    bench.hold(['sh', '-c', 'echo ready; sleep 60'], (spec, id) => filters.learn(spec, bench.program, id));

  test('what is not known, or is not crun’s, is left as it is', async () => {
    await bench.hold(['sh', '-c', 'echo ready; sleep 60'], async (spec, id) => {
      assert.equal(filters.apply(spec, bench.program), spec);
      await filters.learn(spec, { path: '/usr/sbin/runc', args: bench.program.args }, id);
      await filters.learn(spec, bench.program, 'gone');
      assert.equal(filters.apply(spec, bench.program), spec);
    });
  });

  test('a filter that was learnt is used for the same profile alone, and refuses what it refused', async () => {
    const plain = await bench.run(['probe']);
    await learn();
    let used = 0;
    bench.rewrite = (spec) => {
      const rewritten = filters.apply(spec, bench.program);
      if (rewritten !== spec) used++;
      return rewritten;
    };
    assert.equal((await bench.run(['probe'])).stdout, plain.stdout);
    const status = statusFields((await bench.run(['cat', '/proc/self/status'])).stdout);
    assert.equal(status['Seccomp'], '2');
    assert.equal(status['Seccomp_filters'], '1');
    assert.equal(used, 2);
    const { stdout } = await bench.shell('mount -t tmpfs none /tmp && echo mounted', {
      host: { capAdd: ['SYS_ADMIN'] },
    });
    assert.equal(stdout, 'mounted\n');
    assert.equal(used, 2);
  });

  test('an annotation of the user’s own is left alone', async () => {
    const { stderr } = await bench.shell('true', {
      host: { annotations: { 'run.oci.seccomp_bpf_data': 'not base64!' } },
    });
    assert.match(stderr, /invalid seccomp BPF data/);
  });

  test('it saves time', async () => {
    const duration = async () => {
      const times: number[] = [];
      for (let i = 0; i < 9; i++) {
        const began = performance.now();
        await bench.run(['true']);
        times.push(performance.now() - began);
      }
      return Math.min(...times);
    };
    await learn();
    bench.rewrite = (spec) => spec;
    const compiling = await duration();
    bench.rewrite = (spec) => filters.apply(spec, bench.program);
    const compiled = await duration();
    assert.ok(compiled < compiling, `${compiled} ms with, ${compiling} ms without`);
  });
});
