// What crosses between a page and the service worker of its bundle.

export type ToServiceWorker =
  /** Keep what this page used: the engine whose module is stored, and those of `urls` that are files of the bundle. Answered with `Kept`. */
  | { type: "keep"; urls: string[] }
  /** To a waiting version: take over now; every page of the bundle then reloads. */
  | { type: "apply" }
  /** When the page was asked for, in milliseconds since 1970. Answered with `TakenOver` where another version was in charge then. */
  | { type: "opened"; time: number };

/** The answer to `keep`, over the port that came with it. */
export interface Kept {
  /** True when shell, engine and all shards of a variant are stored: the page works without a network. */
  complete: boolean;
}

/** To a page that another version answered: what it asks for now is not of its version. */
export interface TakenOver {
  type: "taken-over";
}

/** To all pages when a version could not be installed. */
export interface InstallFailed {
  type: "install-failed";
  /** The bundle's folder. */
  base: string;
  reason: string;
}
