// Pictures that a visitor drops, pastes or chooses.

import { h } from "../dom.js";

interface Places {
  /** Lights up while a picture is dragged over the page. */
  frame: HTMLElement;
  inputs: HTMLInputElement[];
}

/** Calls `show` with each picture that comes in; anything else is left to the browser. */
export function onPicture({ frame, inputs }: Places, show: (picture: Blob, name: string) => void): void {
  const take = (files: Iterable<File> | null | undefined): boolean => {
    const picture = [...(files ?? [])].find(({ type }) => type.startsWith("image/"));
    if (picture) show(picture, picture.name || "Your picture");
    return picture !== undefined;
  };
  for (const input of inputs) {
    input.addEventListener("change", () => {
      take(input.files);
      // The same file chosen again is a change again.
      input.value = "";
    });
  }
  const drop = h("div", { class: "drop", hidden: true, "aria-hidden": "true" }, "Drop it here");
  frame.append(drop);
  addEventListener("dragover", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.hidden = false;
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) drop.hidden = true;
  });
  addEventListener("drop", (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    drop.hidden = true;
    take(event.dataTransfer.files);
  });
  addEventListener("paste", (event) => {
    if (take(event.clipboardData?.files)) event.preventDefault();
  });
}
