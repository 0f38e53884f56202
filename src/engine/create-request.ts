/** What a user asks for when a container is made. */
import type { ContainerConfig, EndpointConfig, HostConfig } from './model.ts';

export interface CreateRequest {
  /** Without a slash; one is made up where it is missing. */
  name?: string;
  /** As the user gave it: the image's defaults are not yet in it, `cmd` and `entrypoint` are null where not given. */
  config: ContainerConfig;
  hostConfig: HostConfig;
  /** By network. */
  endpointConfigs: Record<string, EndpointConfig>;
  /** `linux/arm64`, where the user asked for one. */
  platform?: string;
}
