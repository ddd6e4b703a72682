// Trusted Types: where a page's policy demands them, an address counts as a script's only when a named policy has passed it.

interface TrustedTypes {
  createPolicy(name: string, rules: { createScriptURL(url: string): string }): { createScriptURL(url: string): URL };
}

/** Passes addresses of this origin. Null where the browser knows no Trusted Types, or the page allows no policy of this name. */
export function scriptPolicy(name: "packager" | "default"): ReturnType<TrustedTypes["createPolicy"]> | null {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  try {
    return trustedTypes?.createPolicy(name, { createScriptURL: ownAddress }) ?? null;
  } catch {
    return null;
  }
}

function ownAddress(url: string): string {
  if (new URL(url, location.href).origin === location.origin) return url;
  throw new TypeError(`${url} is of another origin.`);
}
