/** Connections to one upstream, with the authorities that were named for it. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { EngineError, messageOf } from '../../errors/engine-error.ts';
import { defaultCertificateFolders } from '../../images/registry/certificates.ts';
import type { RegistryConfig } from '../../images/registry/endpoints.ts';
import { Transport } from '../../images/registry/transport.ts';
import type { UpstreamOptions } from './upstream-options.ts';

export interface UpstreamTransport {
  transport: Transport;
  close(): Promise<void>;
}

/** The transport reads authorities from folders by host (`certs.d`): a file that was named becomes such a folder, which goes with `close`. */
export function openTransport(
  { remoteUrl, ca }: UpstreamOptions,
  shared: Partial<RegistryConfig>,
): UpstreamTransport {
  const folder = ca === undefined ? undefined : authorityFolder(remoteUrl, ca);
  const { certificateFolders = defaultCertificateFolders } = shared;
  const config: RegistryConfig = {
    mirrors: [],
    insecureRegistries: [],
    ...shared,
    certificateFolders: folder === undefined ? certificateFolders : [folder, ...certificateFolders],
  };
  const transport = new Transport(() => config);
  return {
    transport,
    close: async () => {
      await transport.close();
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}

function authorityFolder(remoteUrl: string, ca: string): string {
  try {
    const folder = mkdtempSync(join(tmpdir(), 'gantry-authority-'));
    const host = join(folder, new URL(remoteUrl).host);
    mkdirSync(host);
    symlinkSync(resolve(ca), join(host, 'ca.crt'));
    return folder;
  } catch (error) {
    throw new EngineError(
      'failed-precondition',
      `the authorities ${ca} cannot be used: ${messageOf(error)}`,
      {
        cause: error,
        hint: 'check the URL of the upstream and the path of its ca',
      },
    );
  }
}
