// What went wrong, in place, with the way on.

import { PackagerError } from "../packager.js";
import { Complaint } from "./complaint.js";
import { byId, h } from "./dom.js";

/** Shows an error with its code and, where trying again can help, a button. */
export function showError(place: HTMLElement, error: unknown, retry?: () => void): void {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof PackagerError ? error.code : error instanceof Complaint ? null : "internal";
  const again = (): void => {
    clearError(place);
    // The button is gone; the focus stays near.
    byId("stage").focus({ preventScroll: true });
    retry?.();
  };
  place.replaceChildren(
    h(
      "div",
      { class: "notice", role: "alert" },
      h("p", {}, message),
      h(
        "p",
        { class: "notice-foot" },
        code && h("code", {}, code),
        retry && h("button", { type: "button", click: again }, "Try again"),
      ),
    ),
  );
}

export function clearError(place: HTMLElement): void {
  place.replaceChildren();
}
