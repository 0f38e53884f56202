/** Why no answer came from a registry, in the words that Docker's users know, and what to do about it. */
import { EngineError, errnoOf, messageOf } from '../../errors/engine-error.ts';

export interface FailedRequest {
  method: string;
  url: URL;
  /** Of the folders for certificates, the first. */
  certificateFolder: string;
}

interface Explanation {
  text: string;
  hint: string;
}

const unknownAuthority = new Set([
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'CERT_UNTRUSTED',
]);
const datedCertificate = new Set(['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID']);
/** What a TLS client makes of an answer in plain HTTP. */
const plainAnswer = new Set([
  'ERR_SSL_WRONG_VERSION_NUMBER',
  'ERR_SSL_PACKET_LENGTH_TOO_LONG',
  'ERR_SSL_HTTP_REQUEST',
  'ERR_SSL_RECORD_LAYER_FAILURE',
]);
const timedOut = new Set(['ETIMEDOUT', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT']);

/** Each of two addresses that failed has an error of its own: the first counts. */
function innermost(error: unknown): unknown {
  return error instanceof AggregateError ? error.errors[0] : error;
}

/** EngineError `unavailable`: `Get "https://HOST/v2/": …`, as Go's HTTP client says it. */
export function connectionError(request: FailedRequest, error: unknown): EngineError {
  const cause = innermost(error);
  const { text, hint } = explain(request, cause);
  const { method, url } = request;
  const verb = `${method.charAt(0).toUpperCase()}${method.slice(1).toLowerCase()}`;
  return new EngineError('unavailable', `${verb} "${url.origin}${shownPath(url)}": ${text}`, {
    cause: error,
    hint,
    details: { errno: errnoOf(cause) ?? '' },
  });
}

/** Docker asks `/v2/` before anything else: its errors name that. Tokens and other queries stay out of messages. */
function shownPath({ pathname }: URL): string {
  return pathname.startsWith('/v2/') ? '/v2/' : pathname;
}

function explain(request: FailedRequest, cause: unknown): Explanation {
  const code = errnoOf(cause) ?? '';
  const { host, hostname, protocol } = request.url;
  if (code === 'ECONNREFUSED') {
    return {
      text: `dial tcp ${host}: connect: connection refused`,
      hint: 'check that the registry runs there, and on that port',
    };
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
    const why = code === 'ENOTFOUND' ? 'no such host' : 'Temporary failure in name resolution';
    return {
      text: `dial tcp: lookup ${hostname}: ${why}`,
      hint: "check the registry's name, and this host's name servers in /etc/resolv.conf",
    };
  }
  if (timedOut.has(code)) {
    return {
      text: `dial tcp ${host}: i/o timeout`,
      hint: 'check the way to the registry: firewalls, routes, and the proxies in daemon.json',
    };
  }
  return (
    (protocol === 'https:' ? explainTls(request, code, cause) : undefined) ?? {
      text: messageOf(cause),
      hint: 'check that the registry runs and can be reached from this host',
    }
  );
}

function explainTls(request: FailedRequest, code: string, cause: unknown): Explanation | undefined {
  const { host, hostname } = request.url;
  const folder = `${request.certificateFolder}/${host}`;
  if (plainAnswer.has(code) || /wrong version number|packet length too long/.test(messageOf(cause))) {
    return {
      text: 'http: server gave HTTP response to HTTPS client',
      hint: `add "${host}" to "insecure-registries" in daemon.json and reload the daemon (send it SIGHUP), or give the registry a TLS certificate`,
    };
  }
  if (unknownAuthority.has(code)) {
    return {
      text: 'tls: failed to verify certificate: x509: certificate signed by unknown authority',
      hint: `put the authority's certificate into ${folder}/ca.crt, or add "${host}" to "insecure-registries" in daemon.json`,
    };
  }
  if (datedCertificate.has(code)) {
    return {
      text: 'tls: failed to verify certificate: x509: certificate has expired or is not yet valid',
      hint: "check this host's clock, and renew the registry's certificate",
    };
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return {
      text: `tls: failed to verify certificate: x509: certificate is not valid for ${hostname}`,
      hint: 'name the registry as its certificate does, or make a certificate for this name',
    };
  }
  return explainClientCertificate(folder, code);
}

/** The server wanted to see a certificate, or another one. */
function explainClientCertificate(folder: string, code: string): Explanation | undefined {
  if (!/ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)/.test(code))
    return undefined;
  const alert = code.includes('CERTIFICATE_REQUIRED') ? 'certificate required' : 'bad certificate';
  return {
    text: `remote error: tls: ${alert}`,
    hint: `put a client certificate that the registry accepts into ${folder}/client.cert, and its key into ${folder}/client.key`,
  };
}
