// Why an attempt to get bytes did not succeed. It stays inside this folder: what leaves it is a PackagerError.

export class Fault extends Error {
  /** `corrupt`: bytes came, but not those that the manifest names. `unreachable`: they did not come, or not all. */
  readonly kind: "corrupt" | "unreachable";
  /** Milliseconds after which the server wants to be asked again. */
  readonly retryAfter: number | null;
  /** The status that the server answered with, where it was no 2xx. */
  readonly status: number | null;

  constructor(kind: Fault["kind"], message: string, retryAfter: number | null = null, status: number | null = null) {
    super(message);
    this.kind = kind;
    this.retryAfter = retryAfter;
    this.status = status;
  }
}
