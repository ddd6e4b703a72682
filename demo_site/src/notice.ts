// What went wrong, in place, with the way on.

import { PackagerError } from "../packager.js";
import { Complaint } from "./complaint.js";
import { byId, h } from "./dom.js";

/** Shows an error with its code and, where the same can go well another time, a button that tries it again. */
export function showError(place: HTMLElement, error: unknown, retry?: () => void): void {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof PackagerError ? error.code : error instanceof Complaint ? null : "internal";
  const again = (): void => {
    clearError(place);
    // The button is gone; the focus stays near.
    byId("stage").focus({ preventScroll: true });
    retry?.();
  };
  const button = retry && code !== "input-invalid" && h("button", { type: "button", click: again }, "Try again");
  const foot = (code || button) && h("p", { class: "notice-foot" }, code && h("code", {}, code), button);
  place.replaceChildren(h("div", { class: "notice", role: "alert" }, h("p", {}, message), foot));
}

export function clearError(place: HTMLElement): void {
  place.replaceChildren();
}
