/** How a document looks when a client sends it: any field may be missing or null. */
export type Lenient<T> = { [K in keyof T]?: T[K] | null | undefined };
