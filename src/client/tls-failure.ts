/** What went wrong with TLS, in words that say whose certificate it is about. */
import { errnoOf, messageOf } from '../errors/engine-error.ts';

export interface TlsFailure {
  message: string;
  hint: string;
}

const ours =
  'Name your certificate and key with --tlscert and --tlskey, or their folder with DOCKER_CERT_PATH.';
const theirs = "Name the daemon's authority with --tlscacert, or the folder of ca.pem with DOCKER_CERT_PATH.";

/** By the error's code, or by its text: OpenSSL and BoringSSL name the same thing differently. */
const known: ReadonlyArray<readonly [pattern: RegExp, message: string, hint: string]> = [
  [
    /ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH/,
    "the daemon's certificate is for another name",
    'Connect by a name or address that is in the certificate (subjectAltName), or have it made anew.',
  ],
  [
    /^CERT_HAS_EXPIRED|certificate has expired$/,
    "the daemon's certificate has expired",
    'Renew it on the host of the daemon, and check the clocks of both.',
  ],
  [/CERT_NOT_YET_VALID/, "the daemon's certificate is not yet valid", 'Check the clocks of both hosts.'],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_(?:GET_ISSUER|VERIFY)|self.signed certificate|unable to (?:get|verify)/i,
    "the daemon's certificate is not signed by an authority that you trust",
    theirs,
  ],
  [/CERTIFICATE_REQUIRED|certificate required/i, 'the daemon demands a client certificate', ours],
  [
    /ALERT_UNKNOWN_CA|alert unknown ca/i,
    'the daemon does not trust the authority of your client certificate',
    ours,
  ],
  [
    /ALERT_CERTIFICATE_EXPIRED|alert certificate expired/i,
    'your client certificate has expired',
    'Have it renewed, and check the clocks of both hosts.',
  ],
  [
    /ALERT_BAD_CERTIFICATE|ALERT_HANDSHAKE_FAILURE|alert (?:bad certificate|handshake failure)/i,
    'the daemon refused your client certificate, or misses one',
    ours,
  ],
  [
    /WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|wrong version number/i,
    'http: server gave HTTP response to HTTPS client',
    'The daemon speaks no TLS there: leave --tls, --tlsverify, DOCKER_TLS and DOCKER_TLS_VERIFY out, or give the daemon certificates.',
  ],
  [
    /KEY_VALUES_MISMATCH|key values mismatch/i,
    'tls: private key does not match public key',
    'Give --tlscert and --tlskey of one pair.',
  ],
];

/** undefined for an error that has nothing to do with TLS. */
export function tlsFailure(error: Error): TlsFailure | undefined {
  const code = errnoOf(error) ?? '';
  const text = messageOf(error);
  const found = known.find(([pattern]) => pattern.test(code) || pattern.test(text));
  if (found !== undefined) return { message: found[1], hint: found[2] };
  if (!/^ERR_(?:SSL|OSSL|TLS)/.test(code)) return undefined;
  return {
    message: text.trim(),
    hint: 'Check the certificates: --tlscacert, --tlscert, --tlskey or DOCKER_CERT_PATH.',
  };
}
