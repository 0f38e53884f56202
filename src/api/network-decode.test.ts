import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeEndpoint } from './endpoint-decode.ts';
import { Fields } from './fields.ts';
import { decodeNetworkRequest } from './network-decode.ts';

test('the least that a client may send is a network with everything at its default', () => {
  const request = decodeNetworkRequest(Fields.of({ Name: 'app' }));
  assert.deepEqual(
    [request.name, request.driver, request.enableIpv4, request.enableIpv6, request.ipam],
    ['app', '', undefined, undefined, { options: null, pools: [] }],
  );
});

test('everything that it may send is read', () => {
  const request = decodeNetworkRequest(
    Fields.of({
      Name: 'app',
      Driver: 'bridge',
      Internal: true,
      Attachable: true,
      EnableIPv6: false,
      ConfigFrom: { Network: 'other' },
      IPAM: {
        Driver: 'default',
        Options: {},
        Config: [
          { Subnet: '10.9.0.0/16', IPRange: '', Gateway: '10.9.0.1', AuxiliaryAddresses: { a: '10.9.0.2' } },
        ],
      },
      Options: { a: 'b' },
      Labels: { c: 'd' },
    }),
  );
  assert.deepEqual(request.ipam, {
    options: {},
    pools: [{ subnet: '10.9.0.0/16', gateway: '10.9.0.1', auxiliary: { a: '10.9.0.2' } }],
  });
  assert.deepEqual(
    [
      request.internal,
      request.attachable,
      request.enableIpv6,
      request.configFrom,
      request.options,
      request.labels,
    ],
    [true, true, false, 'other', { a: 'b' }, { c: 'd' }],
  );
});

test('an endpoint has what was asked of it, and nothing else', () => {
  const plain = { aliases: [], links: [], driverOpts: {} };
  assert.deepEqual(decodeEndpoint(Fields.of({})), plain);
  assert.deepEqual(decodeEndpoint(Fields.of({ IPAMConfig: null, Aliases: null, GwPriority: 0 })), plain);
  const asked = {
    IPAMConfig: { IPv4Address: '10.9.0.3', IPv6Address: 'fd00::3' },
    Links: ['db:sql'],
    GwPriority: -2,
  };
  assert.deepEqual(decodeEndpoint(Fields.of(asked)), {
    ...plain,
    links: ['db:sql'],
    ipv4Address: '10.9.0.3',
    ipv6Address: 'fd00::3',
    gatewayPriority: -2,
  });
});
