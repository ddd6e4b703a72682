// The scripts that the runtime starts from a page.

import { scriptPolicy } from "../shared/trusted.js";

const policy = scriptPolicy("packager");

/** The address of a script, in the form that a page wants which demands Trusted Types. */
export function scriptUrl({ href }: URL): URL {
  return policy?.createScriptURL(href) ?? new URL(href);
}
