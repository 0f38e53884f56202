/** What a volume is: a directory on the host, or a file system that is mounted where it is used. */

/** The durable document of a volume. */
export interface Volume {
  name: string;
  driver: 'local';
  /** Where its files are on the host. A file system that its options name is mounted there while a container has it. */
  mountpoint: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  labels: Record<string, string>;
  /** As the user gave them: `type`, `o`, `device`, `size`. */
  options: Record<string, string>;
  /** ID of the container that it was made for without being asked for by name: it goes with it, unless somebody decides otherwise. */
  boundTo?: string;
  /** No removal and no pruning takes it. */
  isProtected?: boolean;
  /** The name that it is about to get; gone once it has it. */
  renamedTo?: string;
}

/** A file system for mount(2), made of a volume's options. */
export interface VolumeFilesystem {
  type: string;
  device: string;
  /** Options as mount(8) has them: flags and data mixed. */
  options: string[];
}

/** What bounds the size of directories. */
export interface VolumeQuotas {
  isEnforced(): Promise<boolean>;
  /** Bounds what is made below `directories`, which are one another's; again sets the limit anew. */
  limit(directories: readonly string[], bytes: number): Promise<void>;
}

export interface VolumeRequest {
  /** Undefined or '' for an anonymous volume with a name of 64 hex digits. */
  name?: string;
  /** '' counts as `local`. */
  driver: string;
  driverOpts: Record<string, string>;
  labels: Record<string, string>;
  /** See `Volume`. */
  boundTo?: string;
  /** Who holds it from the first moment on; see `VolumeService.hold`. */
  holder?: string;
}
