/** `POST /containers/{id}/update`. */

export interface UpdateResponse {
  Warnings: string[] | null;
}
