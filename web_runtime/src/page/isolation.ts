// One reload that gives the page shared memory, and so threads, where only the service worker can send the headers for it.

/** True where a reload through the service worker at `scope` may isolate the page and costs the visitor nothing. */
export function mayIsolate(scope: string): boolean {
  // In a frame the outer page decides.
  return !crossOriginIsolated && window.top === window && !hasInteracted() && !hasTried(scope);
}

/** Reloads, at most once a tab; not at all where the browser refuses to remember that it did. */
export function reloadIsolated(scope: string): void {
  if (!mayIsolate(scope)) return;
  try {
    sessionStorage.setItem(keyOf(scope), "1");
  } catch {
    return;
  }
  location.reload();
}

/** True once the visitor has clicked or typed: from then on the page is theirs and is not reloaded under their hands. */
function hasInteracted(): boolean {
  return navigator.userActivation?.hasBeenActive ?? false;
}

function hasTried(scope: string): boolean {
  try {
    return sessionStorage.getItem(keyOf(scope)) !== null;
  } catch {
    return true;
  }
}

function keyOf(scope: string): string {
  return `packager:isolated:${scope}`;
}
