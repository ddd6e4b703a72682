// Tabs that load the same model take turns at each shard, so that it is downloaded once. A lock ends with its tab, so that the next
// in turn takes over from one that died.

/** A tab that keeps its turn for so many milliseconds is passed by: the browser may have put it to sleep. */
const patience = 60_000;

/** Waits for a shard's turn, and gives what ends it. Null where nobody is to be waited for: the browser has no locks, or the signal fired. */
export async function takeTurn(sha256: string, signal: AbortSignal): Promise<(() => void) | null> {
  const name = `packager:${sha256}`;
  const free = await request(name, { ifAvailable: true });
  if (free) return free;
  const control = new AbortController();
  const give = () => control.abort();
  const timer = setTimeout(give, patience);
  signal.addEventListener("abort", give, { once: true });
  const end = await request(name, { signal: control.signal });
  clearTimeout(timer);
  signal.removeEventListener("abort", give);
  return end;
}

/** What ends the lock; null where there is none to have. */
function request(name: string, options: LockOptions): Promise<(() => void) | null> {
  return new Promise((resolve) => {
    const none = () => resolve(null);
    const hold = (lock: Lock | null) => (lock ? new Promise<void>((end) => resolve(end)) : none());
    if (navigator.locks) navigator.locks.request(name, options, hold).catch(none);
    else none();
  });
}
