/** The commands for images, and those that speak to registries. */
import type { CommandEntry } from './command-entry.ts';

export const imageCommands: readonly CommandEntry[] = [
  {
    names: ['image build', 'build', 'builder build', 'buildx build'],
    summary: 'Build an image from a Dockerfile',
    common: true,
    load: async () => (await import('./commands/image/build.ts')).build,
  },
  {
    names: ['image pull', 'pull'],
    summary: 'Download an image from a registry',
    common: true,
    load: async () => (await import('./commands/image/pull.ts')).pull,
  },
  {
    names: ['image push', 'push'],
    summary: 'Upload an image to a registry',
    common: true,
    load: async () => (await import('./commands/image/push.ts')).push,
  },
  {
    names: ['image ls', 'image list', 'images'],
    summary: 'List images',
    common: true,
    load: async () => (await import('./commands/image/ls.ts')).ls,
  },
  {
    names: ['image history', 'history'],
    summary: 'Show the history of an image',
    load: async () => (await import('./commands/image/history.ts')).history,
  },
  {
    names: ['image import', 'import'],
    summary: 'Import the contents from a tarball to create a filesystem image',
    load: async () => (await import('./commands/image/import.ts')).importImage,
  },
  {
    names: ['image inspect'],
    summary: 'Display detailed information on one or more images',
    load: async () => (await import('./commands/image/inspect.ts')).inspect,
  },
  {
    names: ['image load', 'load'],
    summary: 'Load an image from a tar archive or STDIN',
    load: async () => (await import('./commands/image/load.ts')).load,
  },
  {
    names: ['image prune'],
    summary: 'Remove unused images',
    load: async () => (await import('./commands/image/prune.ts')).prune,
  },
  {
    names: ['image rm', 'image remove', 'rmi'],
    summary: 'Remove one or more images',
    load: async () => (await import('./commands/image/rm.ts')).rm,
  },
  {
    names: ['image save', 'save'],
    summary: 'Save one or more images to a tar archive (streamed to STDOUT by default)',
    load: async () => (await import('./commands/image/save.ts')).save,
  },
  {
    names: ['image tag', 'tag'],
    summary: 'Create a tag TARGET_IMAGE that refers to SOURCE_IMAGE',
    load: async () => (await import('./commands/image/tag.ts')).tag,
  },
];

export const registryCommands: readonly CommandEntry[] = [
  {
    names: ['login'],
    summary: 'Authenticate to a registry',
    common: true,
    load: async () => (await import('./commands/registry/login.ts')).login,
  },
  {
    names: ['logout'],
    summary: 'Log out from a registry',
    common: true,
    load: async () => (await import('./commands/registry/logout.ts')).logout,
  },
  {
    names: ['search'],
    summary: 'Search Docker Hub for images',
    common: true,
    load: async () => (await import('./commands/registry/search.ts')).search,
  },
  {
    names: ['manifest inspect'],
    summary: 'Display an image manifest, or manifest list',
    load: async () => (await import('./commands/manifest/inspect.ts')).inspect,
  },
  {
    names: ['manifest create'],
    summary: 'Create a local manifest list for annotating and pushing to a registry',
    load: async () => (await import('./commands/manifest/create.ts')).create,
  },
  {
    names: ['manifest annotate'],
    summary: 'Add additional information to a local image manifest',
    load: async () => (await import('./commands/manifest/annotate.ts')).annotate,
  },
  {
    names: ['manifest push'],
    summary: 'Push a manifest list to a repository',
    load: async () => (await import('./commands/manifest/push.ts')).push,
  },
  {
    names: ['manifest rm'],
    summary: 'Delete one or more manifest lists from local storage',
    load: async () => (await import('./commands/manifest/rm.ts')).rm,
  },
  {
    names: ['builder prune', 'buildx prune'],
    summary: 'Remove build cache',
    load: async () => (await import('./commands/builder/prune.ts')).prune,
  },
  {
    names: ['builder du', 'buildx du'],
    summary: 'Show what the build cache holds',
    load: async () => (await import('./commands/builder/du.ts')).du,
  },
  {
    names: ['builder shell', 'build shell'],
    summary: 'Open a shell in the step of a build that failed',
    load: async () => (await import('./commands/builder/shell.ts')).shell,
  },
];
