/** What an operator says of webhooks (distribution's `notifications`), decoded. */

export interface WebhookEndpoint {
  /** Names it in the log and in metrics. */
  name: string;
  url: string;
  disabled?: boolean;
  headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Milliseconds for one delivery; 1 s unless told. */
  timeout?: number;
  /** Failures in a row after which every further try waits for `backoff`; 10 unless told. */
  threshold?: number;
  /** Milliseconds; 1 s unless told. */
  backoff?: number;
  /** Events on these media types are not sent. */
  ignoredMediaTypes?: readonly string[];
  /** Events of these actions are not sent. */
  ignoredActions?: readonly string[];
}

export interface WebhookConfig {
  endpoints: readonly WebhookEndpoint[];
  /** Say in each event on a manifest what it names. */
  includeReferences?: boolean;
  /** `https` where the registry itself serves TLS; `http` unless told. */
  scheme?: 'http' | 'https';
  /** The registry's URL where it is known by another one than requests come with. */
  url?: string;
  /** `HOST:PORT` of this registry, for events' `source`. */
  address: string;
  /** Events that wait for one endpoint at most: the oldest go first. 10,000 unless told. */
  queueLimit?: number;
}
