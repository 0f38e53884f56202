/** Processes started in a running container. */

/** Body of `POST /containers/{id}/exec`. */
export interface ExecCreateRequest {
  User?: string | null;
  Privileged?: boolean | null;
  Tty?: boolean | null;
  ConsoleSize?: [height: number, width: number] | null;
  AttachStdin?: boolean | null;
  AttachStdout?: boolean | null;
  AttachStderr?: boolean | null;
  DetachKeys?: string | null;
  Env?: string[] | null;
  WorkingDir?: string | null;
  Cmd?: string[] | string | null;
}

export interface ExecCreateResponse {
  Id: string;
}

/** Body of `POST /exec/{id}/start`. */
export interface ExecStartRequest {
  Detach?: boolean | null;
  Tty?: boolean | null;
  ConsoleSize?: [height: number, width: number] | null;
}

/** `GET /exec/{id}/json`. */
export interface ExecInspect {
  ID: string;
  Running: boolean;
  ExitCode: number | null;
  ProcessConfig: {
    tty: boolean;
    entrypoint: string;
    arguments: string[];
    privileged: boolean;
    user?: string;
  };
  OpenStdin: boolean;
  OpenStderr: boolean;
  OpenStdout: boolean;
  CanRemove: boolean;
  ContainerID: string;
  DetachKeys: string;
  Pid: number;
}
