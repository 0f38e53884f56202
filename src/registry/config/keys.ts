/** Every key of a registry's configuration file: distribution's own, and Gantry's below `gantry`. */
import {
  choice,
  type Decoded,
  duration,
  flag,
  free,
  integer,
  list,
  map,
  size,
  struct,
  text,
} from './fields.ts';

const levels = ['error', 'warn', 'info', 'debug', 'trace'] as const;

const log = struct({
  level: choice(levels),
  formatter: choice(['text', 'json', 'logstash']),
  fields: map(free()),
  accesslog: struct({ disabled: flag() }),
  hooks: free(),
  reportcaller: flag(),
});

const s3 = struct({
  accesskey: text(),
  secretkey: text(),
  sessiontoken: text(),
  region: text(),
  regionendpoint: text('a URL'),
  bucket: text(),
  rootdirectory: text('a prefix of keys'),
  forcepathstyle: flag(),
  secure: flag(),
  skipverify: flag(),
  v4auth: flag(),
  encrypt: flag(),
  keyid: text(),
  chunksize: size(),
  multipartcopychunksize: size(),
  multipartcopymaxconcurrency: integer(1),
  multipartcopythresholdsize: size(),
  storageclass: text(),
  useragent: text(),
  objectacl: text(),
  objectownership: flag(),
  accelerate: flag(),
  usedualstack: flag(),
  usefipsendpoint: flag(),
  logLevel: text(),
  loglevel: text(),
});

/** Drivers of distribution's that Gantry has not. */
export const foreignDrivers = ['azure', 'gcs', 'oss', 'swift', 'testdriver'] as const;

const storage = struct(
  {
    filesystem: struct({ rootdirectory: text('a directory'), maxthreads: integer(1) }),
    s3,
    s3aws: s3,
    inmemory: free(),
    azure: free(),
    gcs: free(),
    oss: free(),
    swift: free(),
    testdriver: free(),
    delete: struct({ enabled: flag() }),
    cache: struct({ blobdescriptor: text(), blobdescriptorsize: integer(), layerinfo: text() }),
    redirect: struct({ disable: flag() }),
    maintenance: struct({
      uploadpurging: struct({ enabled: flag(), age: duration(), interval: duration(), dryrun: flag() }),
      readonly: struct({ enabled: flag() }),
    }),
    tag: free(),
  },
  { shorthand: true },
);

const auth = struct(
  {
    silly: struct({ realm: text(), service: text() }),
    htpasswd: struct({ realm: text(), path: text('a file') }),
    token: struct({
      realm: text('a URL'),
      service: text(),
      issuer: text(),
      rootcertbundle: text('a file'),
      jwks: text('a file'),
      signingalgorithms: list(text()),
      autoredirect: flag(),
      autoredirectpath: text('a path'),
    }),
    none: free(),
  },
  { shorthand: true },
);

const http = struct({
  addr: text('an address such as :5000'),
  net: choice(['tcp', 'unix']),
  prefix: text('a path'),
  host: text('a URL'),
  secret: text(),
  relativeurls: flag(),
  draintimeout: duration(),
  tls: struct({
    certificate: text('a file'),
    key: text('a file'),
    clientcas: list(text('a file')),
    clientauth: choice([
      'request-client-cert',
      'require-any-client-cert',
      'verify-client-cert-if-given',
      'require-and-verify-client-cert',
    ]),
    minimumtls: choice(['tls1.0', 'tls1.1', 'tls1.2', 'tls1.3']),
    ciphersuites: list(text()),
    letsencrypt: free(),
  }),
  headers: map(list(text())),
  debug: struct({ addr: text('an address'), prometheus: struct({ enabled: flag(), path: text('a path') }) }),
  http2: struct({ disabled: flag() }),
  h2c: struct({ enabled: flag() }),
});

const endpoint = struct({
  name: text(),
  disabled: flag(),
  url: text('a URL'),
  headers: map(list(text())),
  timeout: duration(),
  threshold: integer(),
  backoff: duration(),
  ignoredmediatypes: list(text()),
  ignore: struct({ mediatypes: list(text()), actions: list(text()) }),
});

const health = struct({
  storagedriver: struct({ enabled: flag(), interval: duration(), threshold: integer() }),
  file: list(struct({ file: text('a file'), interval: duration(), threshold: integer() })),
  http: list(
    struct({
      uri: text('a URL'),
      headers: map(list(text())),
      statuscode: integer(100),
      timeout: duration(),
      interval: duration(),
      threshold: integer(),
    }),
  ),
  tcp: list(
    struct({ addr: text('HOST:PORT'), timeout: duration(), interval: duration(), threshold: integer() }),
  ),
});

const gantry = struct({
  gc: struct({
    enabled: flag(),
    interval: duration(),
    grace: duration(),
    untagged: flag(),
  }),
  access: list(
    struct({
      anonymous: flag(),
      users: list(text('a user')),
      repositories: list(text('a pattern such as team/**')),
      actions: list(choice(['pull', 'push', 'delete', '*'])),
    }),
  ),
  catalog: list(text('a user')),
  proxies: list(
    struct({
      name: text(),
      remoteurl: text('a URL'),
      username: text(),
      password: text(),
      ttl: duration(),
      revalidate: duration(),
      prefix: text('a prefix of repositories'),
      repositories: list(text('a pattern such as library/**')),
      namespaces: list(text('a host')),
      ca: text('a file'),
      insecure: flag(),
    }),
  ),
  quotas: list(
    struct({
      repositories: text('a pattern such as team/**'),
      maxbytes: size(),
      maxblobbytes: size(),
      maxmanifests: integer(),
      maxtags: integer(),
    }),
  ),
  retention: struct({
    interval: duration(),
    dryrun: flag(),
    rules: list(
      struct({
        repositories: text('a pattern such as ci/**'),
        tags: text('a pattern such as nightly-*'),
        keeplast: integer(1),
        keeptags: list(text('a pattern of tags')),
        deleteolderthan: duration(),
        deletenotpulledfor: duration(),
        deleteuntaggedafter: duration(),
      }),
    ),
  }),
  immutabletags: list(
    struct({ repositories: text('a pattern such as team/**'), tags: text('a pattern such as v*') }),
  ),
});

/** The whole file. */
export const configurationKeys = struct({
  version: text(),
  log,
  loglevel: choice(levels),
  storage,
  auth,
  middleware: free(),
  reporting: free(),
  http,
  notifications: struct({ events: struct({ includereferences: flag() }), endpoints: list(endpoint) }),
  redis: free(),
  health,
  catalog: struct({ maxentries: integer(-1) }),
  proxy: struct({
    remoteurl: text('a URL'),
    username: text(),
    password: text(),
    ttl: duration(),
    exec: free(),
  }),
  compatibility: free(),
  validation: struct({
    enabled: flag(),
    disabled: flag(),
    manifests: struct({
      urls: struct({ allow: list(text()), deny: list(text()) }),
      indexes: free(),
    }),
  }),
  policy: free(),
  tag: free(),
  gantry,
});

export type ConfigurationFile = Decoded<typeof configurationKeys>;
