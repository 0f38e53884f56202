/** Scoped sockets, Gantry's own: further listeners of the daemon that can do only some things. `/gantry/sockets`. */

export interface ScopedSocketRequest {
  Name: string;
  /** `containers:read`, `events`. */
  Allow: string[];
  /** `app=web`: only containers that carry all of these are there. */
  Labels?: string[];
  /** '' for the usual one below the daemon's exec root. */
  Path?: string;
  /** As in chmod, `0660`. */
  Mode?: string;
  /** Name or number; '' for root's. */
  Group?: string;
  /** Containers made through it may have the host's privileges, files, devices and namespaces. */
  AllowHost?: boolean;
}

export interface ScopedSocket {
  Name: string;
  Path: string;
  Allow: string[];
  Labels: string[];
  Mode: string;
  Group: string;
  AllowHost: boolean;
  /** RFC 3339. */
  Created: string;
  Listening: boolean;
  /** Why it does not listen; '' where it does. */
  Error: string;
  /** Connections that are open now. */
  Connections: number;
}
