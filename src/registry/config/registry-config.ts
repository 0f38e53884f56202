/** What a registry is told, checked and with its defaults. */
import type { PolicyConfig } from '../policy/policy-config.ts';
import type { RetentionRule } from '../policy/retention-plan.ts';
import type { RegistryAction } from '../registry-types.ts';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug' | 'trace';

export interface LogConfig {
  level: LogLevel;
  format: 'text' | 'json';
  /** In every line. */
  fields: Record<string, unknown>;
  /** A line on standard output for each answer. */
  access: boolean;
}

export interface FilesystemConfig {
  kind: 'filesystem';
  directory: string;
  /** In a directory that is made for this run and removed after it. */
  temporary: boolean;
}

export interface S3Config {
  kind: 's3';
  bucket: string;
  region: string;
  /** URL of a service that is not Amazon's. */
  endpoint?: string;
  accessKey?: string;
  secretKey?: string;
  sessionToken?: string;
  /** What all keys begin with. */
  prefix: string;
  pathStyle: boolean;
  skipVerify: boolean;
  encrypt: boolean;
  keyId?: string;
  storageClass?: string;
  /** Bytes of one part of an upload. */
  chunkSize?: number;
}

export interface TokenConfig {
  kind: 'token';
  realm: string;
  service: string;
  issuer: string;
  /** Files. */
  rootCertBundle?: string;
  jwks?: string;
  algorithms: string[];
  /** A path of the host that was asked, in place of `realm`. */
  autoRedirectPath?: string;
}

export type AuthConfig =
  | { kind: 'none' }
  | { kind: 'silly'; realm: string; service: string }
  | { kind: 'htpasswd'; realm: string; path: string }
  | TokenConfig;

/** Who may do what where; the rules add up. */
export interface AccessRule {
  anonymous: boolean;
  /** Names; `*` for everyone who is known. */
  users: string[];
  /** Patterns. */
  repositories: string[];
  actions: RegistryAction[];
}

export interface TlsConfig {
  /** Files. */
  certificate: string;
  key: string;
  clientCas: string[];
  minVersion: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  /** In OpenSSL's words; empty for Node.js's own choice. */
  ciphers: string[];
}

export type ListenAddress = { path: string } | { host?: string; port: number };

export interface HttpConfig {
  listen: ListenAddress;
  prefix: string;
  host: string;
  relativeUrls: boolean;
  /** Milliseconds that requests under way get when the registry ends. */
  drainTimeout: number;
  tls?: TlsConfig;
  headers: Record<string, string[]>;
  debug?: { listen: ListenAddress; metricsPath?: string };
  secret?: string;
}

export interface EndpointConfig {
  name: string;
  url: string;
  headers: Record<string, string[]>;
  /** Milliseconds. */
  timeout: number;
  threshold: number;
  /** Milliseconds. */
  backoff: number;
  ignoredMediaTypes: string[];
  ignoredActions: string[];
}

export interface ProxyConfig {
  name: string;
  remoteUrl: string;
  username?: string;
  password?: string;
  /** Milliseconds; 0 for ever. */
  ttl?: number;
  /** Milliseconds for which a tag is served without asking whether it moved. */
  revalidate?: number;
  /** Repositories of the upstream are seen below this name; '' for their own names. */
  prefix: string;
  /** Patterns; all below `prefix` unless told. */
  repositories?: string[];
  /** Hosts by which containerd's `?ns=` asks for it. */
  namespaces: string[];
  ca?: string;
  insecure: boolean;
}

export interface HealthCheck {
  kind: 'storage' | 'file' | 'http' | 'tcp';
  /** File, URL or HOST:PORT; '' for the storage. */
  target: string;
  /** Milliseconds. */
  interval: number;
  timeout: number;
  /** Failures in a row that make the registry unhealthy. */
  threshold: number;
  status: number;
  headers: Record<string, string[]>;
}

export interface CollectConfig {
  enabled: boolean;
  /** Milliseconds. */
  interval: number;
  grace: number;
  /** Milliseconds; Infinity keeps uploads. */
  uploadGrace: number;
  untagged: boolean;
}

export interface RegistryConfig {
  /** The file that it came from. */
  file?: string;
  log: LogConfig;
  storage: FilesystemConfig | S3Config;
  readOnly: boolean;
  deletes: boolean;
  auth: AuthConfig;
  access: AccessRule[];
  /** Who may list all repositories where there are access rules; `*` for everyone who is known. */
  catalogUsers: string[];
  http: HttpConfig;
  catalogLimit: number;
  foreignUrls?: { allow: RegExp[]; deny: RegExp[] };
  notifications: { includeReferences: boolean; endpoints: EndpointConfig[] };
  proxies: ProxyConfig[];
  collect: CollectConfig;
  policy: PolicyConfig;
  retention: { interval: number; dryRun: boolean; rules: RetentionRule[] };
  health: HealthCheck[];
}
