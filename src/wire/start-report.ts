/** `GET /gantry/containers/{id}/start-report`, Gantry's own addition: what the last start of a container did, step by step. */
export interface StartReportResponse {
  Id: string;
  /** In the order of the way of a container. */
  Steps: StartStep[];
  TotalMs: number;
}

export interface StartStep {
  /** `image`, `create`, `network`, `address`, `process`, `output`. */
  Name: string;
  /** One sentence on what it did, with the facts (an address, a digest). */
  Detail: string;
  Ms: number;
}
