/** Which log drivers send messages elsewhere. */
import { type LogSubject, logContext } from '../context.ts';
import { fluentdDriver, fluentdSettings } from './fluentd.ts';
import { gelfDriver, gelfSettings } from './gelf.ts';
import { journaldDriver } from './journald.ts';
import type { RemoteDriver } from './sink.ts';
import { syslogDriver, syslogSettings } from './syslog.ts';
import type { SendDatagrams } from './unix-datagrams.ts';

/** undefined for a driver that keeps its log here, or none. EngineError `invalid-argument` for options that don't do (any more). */
export function remoteDriver(record: LogSubject, sendDatagrams: SendDatagrams): RemoteDriver | undefined {
  const { type, config } = record.hostConfig.logConfig;
  switch (type) {
    case 'fluentd':
      return fluentdDriver(fluentdSettings(config), logContext(record));
    case 'gelf':
      return gelfDriver(gelfSettings(config), logContext(record));
    case 'journald':
      return journaldDriver(logContext(record), sendDatagrams);
    case 'syslog':
      return syslogDriver(syslogSettings(config), logContext(record), sendDatagrams);
    default:
      return undefined;
  }
}
