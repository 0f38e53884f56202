/** One line of the JSON stream that pull, load, import and build answer with. */
export interface ProgressMessage {
  status?: string;
  id?: string;
  progressDetail?: { current?: number; total?: number };
  /** The bar as text, for clients that don't draw it. */
  progress?: string;
  /** Printed as it is. */
  stream?: string;
  aux?: unknown;
  errorDetail?: { code?: number; message: string };
  error?: string;
}
