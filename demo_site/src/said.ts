// One polite live region for results, spoken when they have settled and never twice.

import { byId, setText } from "./dom.js";

let waiting: ReturnType<typeof setTimeout> | undefined;

/** Says a sentence to a screen reader after a pause of `delay` ms in which nothing newer came. */
export function say(sentence: string, delay = 600): void {
  clearTimeout(waiting);
  waiting = setTimeout(() => setText(byId("said"), sentence), delay);
}
