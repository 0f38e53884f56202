/** File modes as Go writes them (io/fs, FileMode), which is how they travel in `Stat`. */

const bits = {
  directory: 0x8000_0000,
  symlink: 0x0800_0000,
  device: 0x0400_0000,
  pipe: 0x0200_0000,
  socket: 0x0100_0000,
  setuid: 0x0080_0000,
  setgid: 0x0040_0000,
  characterDevice: 0x0020_0000,
  sticky: 0x0010_0000,
  irregular: 0x0008_0000,
};

export type FileKind = 'file' | 'directory' | 'symlink' | 'other';

export function kindOfMode(mode: number): FileKind {
  if ((mode & bits.directory) !== 0) return 'directory';
  if ((mode & bits.symlink) !== 0) return 'symlink';
  const other = bits.device | bits.pipe | bits.socket | bits.characterDevice | bits.irregular;
  return (mode & other) === 0 ? 'file' : 'other';
}

/** The twelve bits that chmod(2) takes. */
export function permissionsOfMode(mode: number): number {
  const special =
    ((mode & bits.setuid) === 0 ? 0 : 0o4000) |
    ((mode & bits.setgid) === 0 ? 0 : 0o2000) |
    ((mode & bits.sticky) === 0 ? 0 : 0o1000);
  return (mode & 0o777) | special;
}

const unixType = { mask: 0o170000, directory: 0o040000, symlink: 0o120000, file: 0o100000 };

/** From `stat.mode` of Node; undefined for what is no file, directory or link. */
export function goModeOf(unixMode: number): number | undefined {
  const type = unixMode & unixType.mask;
  const special =
    ((unixMode & 0o4000) === 0 ? 0 : bits.setuid) |
    ((unixMode & 0o2000) === 0 ? 0 : bits.setgid) |
    ((unixMode & 0o1000) === 0 ? 0 : bits.sticky);
  const plain = ((unixMode & 0o777) | special) >>> 0;
  if (type === unixType.directory) return (plain | bits.directory) >>> 0;
  if (type === unixType.symlink) return (plain | bits.symlink) >>> 0;
  return type === unixType.file ? plain : undefined;
}
