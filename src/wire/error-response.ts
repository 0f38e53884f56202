/** The body of every answer with a status of 400 or above. */
export interface ErrorResponse {
  message: string;
}
