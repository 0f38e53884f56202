/** What a registry says of an image: `GET /distribution/{name}/json`. */

export interface DistributionResponse {
  Descriptor: {
    mediaType: string;
    digest: string;
    size: number;
  };
  Platforms: Array<{ architecture: string; os: string; variant?: string }>;
}
