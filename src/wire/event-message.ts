/** One line of `GET /events`. */
export interface EventMessage {
  /** The next three repeat the rest for clients from before 1.22; only containers and images have them. */
  status?: string;
  id?: string;
  from?: string;
  Type: string;
  Action: string;
  Actor: { ID: string; Attributes: Record<string, string> };
  scope: 'local' | 'swarm';
  /** Seconds since the epoch. */
  time: number;
  /** Nanoseconds since the epoch: beyond the precision of a number, so it is written with care. */
  timeNano: number;
}
