/** Every route of the API, in one table. */
import { listPlugins, noSwarm, notImplemented } from './absent.ts';
import { getAttachSocket } from './attach-ws.ts';
import { postAuth } from './auth.ts';
import { postBuild } from './build.ts';
import { postBuildCancel, postBuildPrune, postBuildShell } from './build-prune.ts';
import { postBuildSession } from './build-session.ts';
import { needsUpgrade } from './buildkit/upgrade.ts';
import type { Handler } from './call.ts';
import {
  deleteContainer,
  getTop,
  postKill,
  postPause,
  postPrune,
  postRename,
  postResize,
  postRestart,
  postStart,
  postStop,
  postUnpause,
  postWait,
} from './container-actions.ts';
import { getArchive, headArchive, putArchive } from './container-archive.ts';
import { postAttach } from './container-attach.ts';
import { deleteCheckpoint, getCheckpoints, postCheckpoint } from './container-checkpoint.ts';
import { postCommit } from './container-commit.ts';
import { postCreate } from './container-create.ts';
import { getChanges, getExport } from './container-export.ts';
import { getContainer, getStartReport } from './container-inspect.ts';
import { getContainers } from './container-list.ts';
import { deleteLogs, getLogs } from './container-logs.ts';
import { getStats } from './container-stats.ts';
import { postUpdate } from './container-update.ts';
import { getDistribution, getRemoteManifests, putRemoteManifest } from './distribution.ts';
import { getEvents } from './events.ts';
import { getExec, postExecCreate, postExecResize, postExecStart } from './exec.ts';
import { postImagePush } from './image-push.ts';
import { getImageArchive, getImagesArchive } from './image-save.ts';
import { getImagesSearch } from './image-search.ts';
import { postImageCreate, postImagesLoad } from './image-transfer.ts';
import { deleteImage, getHistory, getImage, getImages, postImagesPrune, postTag } from './images.ts';
import {
  deleteNetwork,
  getNetwork,
  getNetworks,
  postNetworkConnect,
  postNetworkCreate,
  postNetworkDisconnect,
  postNetworksPrune,
} from './networks.ts';
import { deleteSocket, getSocket, getSockets, postSocket } from './sockets.ts';
import { getDiskUsage, getInfo, getVersion, ping } from './system.ts';
import { deleteUndo, getUndo, postUndo } from './undo.ts';
import { deleteVolume, getVolume, getVolumes, postVolumeCreate, postVolumesPrune } from './volumes.ts';
import {
  getVolumeExport,
  postVolumeClone,
  postVolumeImport,
  postVolumeProtect,
  postVolumeRename,
  postVolumeUnprotect,
} from './volumes-transfer.ts';

export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE';
export type Route = readonly [method: Method, path: string, handler: Handler];

/** Paths are without the version. Attach and exec with an upgraded connection never come here: see `hijack.ts`. */
export const routes: readonly Route[] = [
  ['GET', '/_ping', ping],
  ['HEAD', '/_ping', ping],
  ['GET', '/version', getVersion],
  ['GET', '/info', getInfo],
  ['GET', '/events', getEvents],
  ['GET', '/system/df', getDiskUsage],
  ['POST', '/auth', postAuth],

  ['GET', '/containers/json', getContainers],
  ['POST', '/containers/create', postCreate],
  ['POST', '/containers/prune', postPrune],
  ['GET', '/containers/:id/json', getContainer],
  ['GET', '/containers/:id/top', getTop],
  ['GET', '/containers/:id/logs', getLogs],
  ['POST', '/containers/:id/start', postStart],
  ['POST', '/containers/:id/stop', postStop],
  ['POST', '/containers/:id/restart', postRestart],
  ['POST', '/containers/:id/kill', postKill],
  ['POST', '/containers/:id/pause', postPause],
  ['POST', '/containers/:id/unpause', postUnpause],
  ['POST', '/containers/:id/rename', postRename],
  ['POST', '/containers/:id/resize', postResize],
  ['POST', '/containers/:id/attach', postAttach],
  ['POST', '/containers/:id/wait', postWait],
  ['DELETE', '/containers/:id', deleteContainer],
  ['GET', '/containers/:id/checkpoints', getCheckpoints],
  ['POST', '/containers/:id/checkpoints', postCheckpoint],
  ['DELETE', '/containers/:id/checkpoints/:checkpoint', deleteCheckpoint],
  ['GET', '/gantry/containers/:id/start-report', getStartReport],
  ['DELETE', '/gantry/containers/:id/logs', deleteLogs],
  ['GET', '/containers/:id/attach/ws', getAttachSocket],
  ['GET', '/containers/:id/stats', getStats],
  ['GET', '/containers/:id/changes', getChanges],
  ['GET', '/containers/:id/export', getExport],
  ['POST', '/containers/:id/update', postUpdate],
  ['GET', '/containers/:id/archive', getArchive],
  ['HEAD', '/containers/:id/archive', headArchive],
  ['PUT', '/containers/:id/archive', putArchive],
  ['POST', '/commit', postCommit],

  ['POST', '/containers/:id/exec', postExecCreate],
  ['POST', '/exec/:id/start', postExecStart],
  ['POST', '/exec/:id/resize', postExecResize],
  ['GET', '/exec/:id/json', getExec],

  ['GET', '/images/json', getImages],
  ['GET', '/images/search', getImagesSearch],
  ['GET', '/images/get', getImagesArchive],
  ['POST', '/images/create', postImageCreate],
  ['POST', '/images/load', postImagesLoad],
  ['POST', '/images/prune', postImagesPrune],
  ['GET', '/images/:name/json', getImage],
  ['GET', '/images/:name/history', getHistory],
  ['GET', '/images/:name/get', getImageArchive],
  ['POST', '/images/:name/tag', postTag],
  ['POST', '/images/:name/push', postImagePush],
  ['DELETE', '/images/:name', deleteImage],
  ['GET', '/distribution/:name/json', getDistribution],
  ['GET', '/gantry/manifests/:name', getRemoteManifests],
  ['PUT', '/gantry/manifests/:name', putRemoteManifest],
  ['POST', '/build', postBuild],
  ['POST', '/build/prune', postBuildPrune],
  ['POST', '/build/cancel', postBuildCancel],
  ['POST', '/gantry/build', postBuildSession],
  ['POST', '/gantry/build/:id/shell', postBuildShell],
  ['POST', '/session', needsUpgrade],
  ['POST', '/grpc', needsUpgrade],

  ['GET', '/volumes', getVolumes],
  ['POST', '/volumes/create', postVolumeCreate],
  ['POST', '/volumes/prune', postVolumesPrune],
  ['GET', '/volumes/:name', getVolume],
  ['PUT', '/volumes/:name', noSwarm],
  ['DELETE', '/volumes/:name', deleteVolume],
  ['GET', '/gantry/volumes/:name/export', getVolumeExport],
  ['POST', '/gantry/volumes/:name/import', postVolumeImport],
  ['POST', '/gantry/volumes/:name/clone', postVolumeClone],
  ['POST', '/gantry/volumes/:name/rename', postVolumeRename],
  ['POST', '/gantry/volumes/:name/protect', postVolumeProtect],
  ['POST', '/gantry/volumes/:name/unprotect', postVolumeUnprotect],
  ['GET', '/gantry/undo', getUndo],
  ['POST', '/gantry/undo', postUndo],
  ['DELETE', '/gantry/undo', deleteUndo],

  ['GET', '/networks', getNetworks],
  ['POST', '/networks/create', postNetworkCreate],
  ['POST', '/networks/prune', postNetworksPrune],
  ['GET', '/networks/:id', getNetwork],
  ['DELETE', '/networks/:id', deleteNetwork],
  ['POST', '/networks/:id/connect', postNetworkConnect],
  ['POST', '/networks/:id/disconnect', postNetworkDisconnect],

  ['GET', '/gantry/sockets', getSockets],
  ['POST', '/gantry/sockets', postSocket],
  ['GET', '/gantry/sockets/:name', getSocket],
  ['DELETE', '/gantry/sockets/:name', deleteSocket],

  ['GET', '/plugins', listPlugins],
  ['GET', '/swarm', noSwarm],
  ['POST', '/swarm/init', notImplemented('swarm mode')],
  ['POST', '/swarm/join', notImplemented('swarm mode')],
  ['POST', '/swarm/leave', noSwarm],
  ['GET', '/nodes', noSwarm],
  ['GET', '/services', noSwarm],
  ['GET', '/tasks', noSwarm],
  ['GET', '/secrets', noSwarm],
  ['GET', '/configs', noSwarm],
];
