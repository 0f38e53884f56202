/** What a new container is, as the client's users write it. */
import type { ContainerCreateRequest } from '../wire/container.ts';
import type { HostConfig } from '../wire/host-config.ts';
import type { DeepLenient } from '../wire/lenient.ts';
import type { CallControl } from './call-control.ts';

/** `Image` is all that it needs. */
export type ContainerSettings = DeepLenient<
  Omit<ContainerCreateRequest, 'Cmd' | 'Entrypoint' | 'Shell' | 'HostConfig' | 'Image'>
> &
  Pick<ContainerCreateRequest, 'Cmd' | 'Entrypoint' | 'Shell'> & {
    Image: string;
    HostConfig?: DeepLenient<HostConfig> | null;
  };

export interface CreateOptions extends CallControl {
  /** Made up by the daemon unless told. */
  name?: string | undefined;
  /** `linux/arm64`. */
  platform?: string | undefined;
}
