/** How a document looks when a client sends it: any field may be missing or null. */
export type Lenient<T> = { [K in keyof T]?: T[K] | null | undefined };

/** The same, down to the last field; lists and maps stay what they are. */
export type DeepLenient<T> = T extends readonly (infer Item)[]
  ? Item extends string | number
    ? T
    : DeepLenient<Item>[]
  : T extends object
    ? { [K in keyof T]?: DeepLenient<T[K]> | null | undefined }
    : T;
