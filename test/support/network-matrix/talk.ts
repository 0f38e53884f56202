/** What a test and the agents in the namespaces of the matrix say to each other: JSON, a line each. */

export interface Ask {
  id: number;
  protocol: 'tcp' | 'udp';
  host: string;
  port: number;
}

export interface Order {
  /** Ports to serve by TCP and UDP, on all addresses of both families. */
  serve?: number[];
  ask?: Ask[];
  /** What was not answered yet counts as silence. */
  conclude?: boolean;
}

export interface Word {
  serving?: boolean;
  addresses?: string[];
  failed?: string;
  id?: number;
  /** `NAME ADDRESS own|other`: the server, the asker as it was seen, and whether it has that address; else an errno's name, `closed` or `silence`. */
  answer?: string;
}
