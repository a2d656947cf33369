// The part of a selection that mouse, pen and finger have.

const slack = 8; // pixels that a click may move

/** overlay is what shows a selection. */
export function overlay(): HTMLElement {
  const box = document.createElement("div");
  box.className = "brush";
  Object.assign(box.style, {
    position: "absolute",
    display: "none",
    pointerEvents: "none",
    boxSizing: "border-box",
    background: "var(--hover)",
    borderLeft: "2px solid var(--bar)",
    borderRight: "2px solid var(--bar)",
  });
  return box;
}

/** drag selects by mouse, pen or finger. Fingers still scroll the page up and down. */
export function drag(
  live: HTMLElement,
  pointAt: (x: number) => number,
  show: (one: number, other: number) => void,
  hide: () => void,
  done: (one: number, other: number) => void,
): void {
  live.style.position = "relative";
  live.style.touchAction = "pan-y";
  let start: { x: number; pointer: number; dragging: boolean } | undefined;
  const xOf = (event: PointerEvent) => event.clientX - live.getBoundingClientRect().left;
  const cancel = () => {
    if (start?.dragging) {
      hide();
    }
    start = undefined;
  };
  live.addEventListener("pointerdown", (event) => {
    if (event.button === 0 && event.isPrimary && !event.ctrlKey && !event.metaKey) {
      start = { x: xOf(event), pointer: event.pointerId, dragging: false };
    }
  });
  live.addEventListener("pointermove", (event) => {
    if (start?.pointer !== event.pointerId) {
      return;
    }
    if (!start.dragging && Math.abs(xOf(event) - start.x) >= slack) {
      start.dragging = true;
      live.setPointerCapture(event.pointerId);
    }
    if (start.dragging) {
      show(pointAt(start.x), pointAt(xOf(event)));
    }
  });
  live.addEventListener("pointerup", (event) => {
    const from = start;
    cancel();
    if (from?.dragging && from.pointer === event.pointerId) {
      done(pointAt(from.x), pointAt(xOf(event)));
    }
  });
  live.addEventListener("pointercancel", cancel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      cancel();
    }
  });
}
