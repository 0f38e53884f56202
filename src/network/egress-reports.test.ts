/** How often a refusal is told. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EgressRefusal, RefusalReports } from './egress-reports.ts';

const refusal: EgressRefusal = {
  containerId: 'a',
  networkId: 'n',
  destination: '192.0.2.1',
  port: 80,
  protocol: 'tcp',
  name: '',
};

test('the same once in a minute, another at once, and each container only so many', () => {
  const told: EgressRefusal[] = [];
  const reports = new RefusalReports((one) => told.push(one));
  const count = (): number => told.splice(0).length;
  reports.report(refusal, 0);
  reports.report(refusal, 59_000);
  assert.equal(count(), 1);
  reports.report(refusal, 61_000);
  reports.report({ ...refusal, port: 81 }, 61_000);
  reports.report({ ...refusal, containerId: 'b' }, 61_000);
  assert.equal(count(), 3);
  const flood = (containerId: string): void => {
    for (let index = 0; index < 1000; index += 1)
      reports.report(
        { ...refusal, containerId, destination: '', protocol: 'dns', name: `${index}.evil` },
        200_000,
      );
  };
  flood('a');
  assert.equal(count(), 50);
  flood('b');
  assert.equal(count(), 50);
});
