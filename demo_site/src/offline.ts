// The badge that says whether the page needs a network, and the offer of a newer version.

import { enableOffline } from "../packager.js";
import { byId, h, setText } from "./dom.js";

type Report = NonNullable<NonNullable<Parameters<typeof enableOffline>[0]>["onState"]>;
type State = Parameters<Report>[0];

const words: Record<State, string> = {
  unsupported: "needs the network",
  installing: "being stored",
  ready: "works offline",
  "update-ready": "works offline",
};

let state: State = "installing";
let why = "";

/** Starts the service worker and keeps the badge right from then on; `onChange` runs whenever something was stored. */
export function followOffline(onChange: () => void): void {
  const onState: Report = (next, reason) => {
    state = next;
    why = reason;
    draw();
    onChange();
  };
  enableOffline({ onState, onUpdate: offer });
  addEventListener("online", draw);
  addEventListener("offline", draw);
  draw();
}

/** The caches are gone, and with them what was ready. */
export function offlineCleared(): void {
  state = "unsupported";
  why = "The next visit needs the network.";
  draw();
}

function draw(): void {
  const badge = byId("badge");
  badge.dataset.state = navigator.onLine ? state : "offline";
  setText(badge, navigator.onLine ? words[state] : "offline");
  setText(byId("slip-offline"), why);
}

function offer(apply: () => void): void {
  byId("update").replaceChildren(
    h("p", {}, "A newer version of this page is ready."),
    h(
      "p",
      { class: "controls" },
      h("button", { type: "button", class: "primary", click: apply }, "Use it now"),
      h("button", { type: "button", click: () => byId("update").replaceChildren() }, "Later"),
    ),
  );
}
