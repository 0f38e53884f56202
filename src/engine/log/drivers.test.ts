/** Options of log drivers: which each takes, and what is wrong with the rest. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isEngineError } from '../../errors/engine-error.ts';
import {
  checkLogDefaults,
  completeLogConfig,
  isReadable,
  logDriverNames,
  validateLogConfig,
} from './drivers.ts';

function refusal(type: string, config: Record<string, string>): string {
  try {
    validateLogConfig({ type, config });
  } catch (error) {
    assert.ok(isEngineError(error, 'invalid-argument'), String(error));
    return error.message;
  }
  return '';
}

test('what each driver takes', () => {
  const good: Array<[string, Record<string, string>]> = [
    ['none', { anything: 'x' }],
    [
      'json-file',
      {
        'max-size': '10m',
        'max-file': '3',
        compress: 'true',
        labels: 'a',
        'env-regex': '^X',
        tag: '{{.ID}}',
      },
    ],
    ['json-file', { mode: 'non-blocking', 'max-buffer-size': '4m' }],
    ['local', { 'max-size': '1m', compress: 'false', mode: 'blocking' }],
    ['journald', { tag: 'x', 'cache-disabled': 'true' }],
    ['syslog', {}],
    [
      'syslog',
      {
        'syslog-address': 'tcp+tls://[::1]:6514',
        'syslog-format': 'rfc5424micro',
        'syslog-facility': 'local7',
      },
    ],
    [
      'syslog',
      { 'syslog-address': 'unixgram:///dev/log', 'syslog-facility': '23', 'syslog-tls-skip-verify': '1' },
    ],
    [
      'gelf',
      { 'gelf-address': 'udp://x:12201', 'gelf-compression-type': 'zlib', 'gelf-compression-level': '-1' },
    ],
    ['gelf', { 'gelf-address': 'tcp://x:1', 'gelf-tcp-max-reconnect': '3', 'gelf-tcp-reconnect-delay': '2' }],
    ['fluentd', { 'fluentd-address': 'host', 'fluentd-async': 'true', 'fluentd-buffer-limit': '1MB' }],
    [
      'fluentd',
      { 'fluentd-address': 'unix:///x.sock', 'fluentd-retry-wait': '1.5s', 'fluentd-max-retries': '5' },
    ],
    [
      'fluentd',
      { 'fluentd-address': 'tls://h:1', 'fluentd-request-ack': 'T', 'fluentd-write-timeout': '3s' },
    ],
  ];
  for (const [type, config] of good)
    assert.equal(refusal(type, config), '', `${type} ${JSON.stringify(config)}`);
});

test('what is wrong is told in the words that Docker has for it', () => {
  const bad: Array<[string, Record<string, string>, RegExp]> = [
    ['splunk', {}, /^logger: no log driver named 'splunk' is registered$/],
    ['json-file', { colour: 'red' }, /^unknown log opt 'colour' for json-file log driver$/],
    ['json-file', { 'syslog-address': 'x' }, /unknown log opt 'syslog-address' for json-file log driver/],
    ['local', { tag: 'x' }, /^unknown log opt 'tag' for log driver local$/],
    ['journald', { 'max-size': '1m' }, /unknown log opt 'max-size' for journald log driver/],
    ['json-file', { 'max-file': '0' }, /^max-file cannot be less than 1$/],
    ['json-file', { 'max-size': 'much' }, /max-size/],
    ['json-file', { compress: 'maybe' }, /parsing "maybe": invalid syntax/],
    ['json-file', { mode: 'sometimes' }, /^logger: logging mode not supported: sometimes$/],
    [
      'json-file',
      { 'max-buffer-size': '1m' },
      /max-buffer-size option is only supported with 'mode=non-blocking'/,
    ],
    ['json-file', { mode: 'non-blocking', 'max-buffer-size': 'x' }, /error parsing option max-buffer-size/],
    ['json-file', { 'labels-regex': '(' }, /labels-regex/],
    [
      'syslog',
      { 'syslog-address': 'host:514' },
      /syslog-address should be in form proto:\/\/address, got host:514/,
    ],
    ['syslog', { 'syslog-address': 'ftp://host' }, /syslog-address should be in form/],
    ['syslog', { 'syslog-address': 'unix://relative' }, /not an absolute path/],
    ['syslog', { 'syslog-facility': 'nowhere' }, /^invalid syslog facility$/],
    ['syslog', { 'syslog-facility': '24' }, /^invalid syslog facility$/],
    ['syslog', { 'syslog-format': 'rfc1' }, /^Invalid syslog format$/],
    ['gelf', {}, /^gelf-address is a required parameter$/],
    ['gelf', { 'gelf-address': 'unix:///x' }, /gelf-address should be in form/],
    ['gelf', { 'gelf-address': 'udp://x' }, /please provide proto:\/\/host:port/],
    [
      'gelf',
      { 'gelf-address': 'udp://x:1', 'gelf-compression-type': 'lzma' },
      /unknown value "lzma" for log opt "gelf-compression-type"/,
    ],
    [
      'gelf',
      { 'gelf-address': 'udp://x:1', 'gelf-compression-level': '10' },
      /unknown value "10" for log opt "gelf-compression-level"/,
    ],
    [
      'gelf',
      { 'gelf-address': 'tcp://x:1', 'gelf-compression-type': 'gzip' },
      /compression is only supported on UDP/,
    ],
    ['fluentd', { 'fluentd-address': 'udp://x:1' }, /fluentd-address should be in form/],
    ['fluentd', { 'fluentd-address': 'x:99999' }, /invalid fluentd-address/],
    ['fluentd', { 'fluentd-retry-wait': 'soon' }, /time: invalid duration "soon"/],
    ['fluentd', { 'fluentd-async': '1', 'fluentd-async-connect': '1' }, /conflicting options/],
    ['fluentd', { 'fluentd-async-reconnect-interval': '1h' }, /between 100ms and 10s/],
  ];
  for (const [type, config, expected] of bad)
    assert.match(refusal(type, config), expected, JSON.stringify(config));
});

test("the daemon's options stand where the container has the same driver", () => {
  const daemon = { logDriver: 'json-file', logOpts: { 'max-size': '1m', 'cache-max-size': '2m' } };
  assert.deepEqual(completeLogConfig({ type: '', config: { 'max-size': '5m' } }, daemon), {
    type: 'json-file',
    config: { 'max-size': '5m', 'cache-max-size': '2m' },
  });
  assert.deepEqual(completeLogConfig({ type: 'none', config: {} }, daemon), { type: 'none', config: {} });
  assert.deepEqual(completeLogConfig({ type: 'local', config: {} }, daemon), { type: 'local', config: {} });
  assert.deepEqual(completeLogConfig({ type: 'syslog', config: {} }, daemon), {
    type: 'syslog',
    config: { 'cache-max-size': '2m' },
  });
});

test('the daemon refuses defaults that would refuse every container', () => {
  checkLogDefaults({ logDriver: 'none', logOpts: {} });
  checkLogDefaults({ logDriver: 'local', logOpts: { 'max-size': '1m', 'cache-max-size': '1m' } });
  for (const [logDriver, logOpts] of [
    ['smoke', {}],
    ['json-file', { colour: 'red' }],
  ] as const)
    assert.throws(() => checkLogDefaults({ logDriver, logOpts }), /^EngineError: failed to set log opts: /);
});

test('which logs can be read here', () => {
  const readable = (type: string, config = {}): boolean => isReadable({ type, config });
  assert.ok(readable('json-file') && readable('local') && readable('gelf'));
  assert.ok(!readable('none') && !readable('syslog', { 'cache-disabled': 'true' }));
  assert.deepEqual(logDriverNames, ['fluentd', 'gelf', 'journald', 'json-file', 'local', 'syslog']);
});
