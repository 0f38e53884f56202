/** The daemon's settings, as its flags and `daemon.json` give them, with defaults filled in. Plain data. */
import { dirname, join } from 'node:path';
import type { RegistryConfig } from '../images/registry/endpoints.ts';
import type { Ulimit } from './model.ts';

export interface RuntimeSettings {
  path: string;
  args: string[];
}

export interface DaemonConfig {
  /** Images, layers, containers, the database: survives a reboot. */
  dataRoot: string;
  /** Bundles, shim directories, sockets: of this boot only. */
  execRoot: string;
  /** Name of the default bridge; `none` for no bridge at all. */
  bridge: string;
  /** The bridge's own address, CIDR (`172.18.0.1/16`); undefined for Docker's default choice. */
  bip?: string;
  /** Range of containers' addresses within the bridge's subnet, CIDR. */
  fixedCidr?: string;
  /** Where subnets come from that nobody chose; empty for Docker's defaults. */
  addressPools: Array<{ base: string; size: number }>;
  /** Subnet for IPv6, CIDR. */
  fixedCidr6?: string;
  /** 0 for the default route's, else 1500. */
  mtu: number;
  ipv6: boolean;
  /** Containers on the bridge reach each other. */
  icc: boolean;
  /** Address on which ports are published where the user names none. */
  defaultAddress: string;
  /** Options of new networks that name others of their own, by driver. */
  defaultNetworkOptions: Record<string, Record<string, string>>;
  /** What writes the firewall's rules; '' for nftables where it can be used, else iptables. */
  firewallBackend: '' | 'nftables' | 'iptables';
  /** Name of the nft table. */
  nftTable: string;
  dns: string[];
  dnsSearch: string[];
  dnsOptions: string[];
  /** `key=value`, shown by `info`. */
  labels: string[];
  registryMirrors: string[];
  /** Hosts or CIDRs. */
  insecureRegistries: string[];
  /** URLs of mirrors by the host of the registry. */
  registryMirrorsFor: Record<string, string[]>;
  /** Folders of certificates for registries (`certs.d`), the first that has some for a registry counts. */
  registryCertificateFolders: string[];
  /** In place of the environment's; '' where that counts. */
  proxies: { httpProxy: string; httpsProxy: string; noProxy: string };
  /** By name; `crun` and `runc` are there by themselves where the host has them. */
  runtimes: Record<string, RuntimeSettings>;
  /** '' for crun where it can run here, else runc. */
  defaultRuntime: string;
  logDriver: string;
  logOpts: Record<string, string>;
  cgroupDriver: 'cgroupfs' | 'systemd';
  /** '' for the driver's default. */
  cgroupParent: string;
  /** Bytes. */
  defaultShmSize: number;
  defaultUlimits: Ulimit[];
  defaultIpcMode: 'private' | 'shareable';
  defaultCgroupnsMode: 'private' | 'host' | '';
  noNewPrivileges: boolean;
  /** Set the kernel's `favordynmods`, which takes a grace period off each start. */
  favorDynamicCgroups: boolean;
  /** Path of a seccomp profile in place of the built-in one, `unconfined`, or '' for the built-in one. */
  seccompProfile: string;
  /** Where the API is open to everyone who reaches it: `http://10.0.0.1:2375`. Shown by `info`. */
  openAddresses: string[];
  /** Tells docker's command line that it may use what it takes for experimental: checkpoints. */
  experimental: boolean;
  /** Directories of CDI documents; later ones override. */
  cdiSpecDirs: string[];
  init: boolean;
  /** A static init program, bound into containers made with --init; Gantry's own beside the shim unless told. */
  initPath: string;
  debug: boolean;
  /** Seconds that containers get to end where the daemon is told to end them. */
  shutdownTimeout: number;
  /** Seconds that an OCI runtime may take to start a process; 0 for ever. */
  runtimeTimeout: number;
  maxConcurrentDownloads: number;
  /** How many times its compressed size an image's layer may have, above 1 GiB. */
  maxLayerExpansion: number;
  maxConcurrentUploads: number;
  /** Tries in a row at a layer that bring nothing. */
  maxDownloadAttempts: number;
  /** Containers keep running without a daemon; always so in Gantry. */
  liveRestore: boolean;
  /** Milliseconds for which what was removed can be restored; 0 for not at all. */
  undoRetention: number;
  /** Bytes that it may take of the disk meanwhile. */
  undoBudget: number;
  /** The native helper, `gantry-shim`. */
  shimPath: string;
  storageDriver: 'overlay2';
}

/** Everything at its default below two directories of the daemon's own. */
export function defaultDaemonConfig(roots: {
  dataRoot: string;
  execRoot: string;
  shimPath: string;
}): DaemonConfig {
  return {
    ...roots,
    bridge: 'gantry0',
    mtu: 0,
    addressPools: [],
    ipv6: false,
    icc: true,
    defaultAddress: '0.0.0.0',
    defaultNetworkOptions: {},
    firewallBackend: '',
    nftTable: 'gantry',
    dns: [],
    dnsSearch: [],
    dnsOptions: [],
    labels: [],
    registryMirrors: [],
    insecureRegistries: [],
    registryMirrorsFor: {},
    registryCertificateFolders: ['/etc/gantry/certs.d', '/etc/docker/certs.d'],
    proxies: { httpProxy: '', httpsProxy: '', noProxy: '' },
    runtimes: {},
    defaultRuntime: '',
    logDriver: 'json-file',
    logOpts: {},
    cgroupDriver: 'cgroupfs',
    cgroupParent: '',
    defaultShmSize: 64 * 1024 * 1024,
    defaultUlimits: [],
    defaultIpcMode: 'private',
    defaultCgroupnsMode: '',
    noNewPrivileges: false,
    favorDynamicCgroups: true,
    seccompProfile: '',
    openAddresses: [],
    experimental: false,
    cdiSpecDirs: ['/etc/cdi', '/var/run/cdi'],
    init: false,
    initPath: join(dirname(roots.shimPath), 'gantry-init'),
    debug: false,
    shutdownTimeout: 15,
    runtimeTimeout: 120,
    maxConcurrentDownloads: 3,
    maxLayerExpansion: 200,
    maxConcurrentUploads: 5,
    maxDownloadAttempts: 5,
    liveRestore: true,
    undoRetention: 3600_000,
    undoBudget: 1024 * 1024 * 1024,
    storageDriver: 'overlay2',
  };
}

/** What the images room needs to know of registries. */
export function registryConfig(config: DaemonConfig): RegistryConfig {
  return {
    mirrors: config.registryMirrors,
    insecureRegistries: config.insecureRegistries,
    mirrorsFor: config.registryMirrorsFor,
    certificateFolders: config.registryCertificateFolders,
    proxies: config.proxies,
  };
}
