/** What an operator may bound: quotas and immutable tags. */

export interface Quota {
  /**
   * Pattern of repositories (see `compileHolder`): what stands before `**` is counted together, so `team/**` bounds the team and `team/*`
   * each of its repositories.
   */
  repositories: string;
  /** Bytes of all blobs together, each counted once. */
  maxBytes?: number;
  /** Bytes of one blob. */
  maxBlobBytes?: number;
  /** Manifests of each repository. */
  maxManifests?: number;
  /** Tags of each repository. */
  maxTags?: number;
}

/** Tags that are neither moved nor removed once they are there. */
export interface ImmutableTags {
  /** Pattern of repositories. */
  repositories: string;
  /** Pattern of tags. */
  tags: string;
}

export interface PolicyConfig {
  /** All that match apply. */
  quotas: readonly Quota[];
  immutable: readonly ImmutableTags[];
}
