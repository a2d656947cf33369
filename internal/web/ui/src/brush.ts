// Selects days in a chart, by mouse, finger or keys, and goes to them.
import type { Point } from "./data";
import { drag, overlay } from "./drag";
import type { Drawing } from "./draw";

const page = 7; // points that PageUp and PageDown go

const steps: ReadonlyMap<string, number> = new Map([
  ["ArrowLeft", -1],
  ["ArrowRight", 1],
  ["PageUp", -page],
  ["PageDown", page],
  ["Home", -Infinity],
  ["End", Infinity],
]);

/** daysOf returns the first and the last day of the points from one to another, in either order. */
export function daysOf(points: readonly Point[], one: number, other: number): { from: string; to: string } | undefined {
  const part = points.slice(Math.max(0, Math.min(one, other)), Math.max(one, other) + 1);
  const from = part.find((p) => p.from !== undefined)?.from;
  const to = part.reverse().find((p) => p.to !== undefined)?.to;
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** urlOf is the page's own URL with other days. */
export function urlOf(href: string, days: { from: string; to: string }): string {
  const url = new URL(href);
  url.searchParams.delete("days");
  url.searchParams.set("from", days.from);
  url.searchParams.set("to", days.to);
  url.hash = "";
  return url.href;
}

/** moved returns the point that a key goes to, and nothing for other keys. */
export function moved(key: string, at: number, points: number): number | undefined {
  const step = steps.get(key);
  return step === undefined ? undefined : clamp(at + step, points);
}

export function clamp(at: number, points: number): number {
  return Math.max(0, Math.min(points - 1, Math.round(at)));
}

/** span is where the bars from one point to another stand, given the middle of a bar. */
export function span(one: number, other: number, points: number, width: number, middle: (at: number) => number): { left: number; width: number } {
  const step = points > 1 ? middle(1) - middle(0) : width;
  const left = middle(Math.min(one, other)) - step / 2;
  return { left, width: step * (Math.abs(other - one) + 1) };
}

/** said names the selected points. */
export function said(points: readonly Point[], one: number, other: number): string {
  const [a, b] = [points[Math.min(one, other)], points[Math.max(one, other)]];
  if (!a || !b) {
    return "";
  }
  return a === b ? `${a.name}: ${a.text}` : `from ${a.name} to ${b.name}`;
}

export function brush(drawing: Drawing, points: readonly Point[], heading: string, go: (url: string) => void): void {
  if (!daysOf(points, 0, points.length - 1)) {
    return; // points without days cannot be gone to
  }
  const { live, chart } = drawing;
  const box = overlay();
  live.append(box);
  let at = points.length - 1; // where the keys are
  let anchor: number | undefined; // the other end of what they select

  const middle = (i: number) => chart.convertToPixel({ xAxisIndex: 0 }, i);
  const show = (one: number, other: number) => {
    const { left, width } = span(one, other, points.length, live.clientWidth, middle);
    const [top, base] = [1, 0].map((y) => chart.convertToPixel({ yAxisIndex: 1 }, y));
    Object.assign(box.style, { left: `${left}px`, width: `${width}px`, top: `${top ?? 0}px`, height: `${(base ?? 0) - (top ?? 0)}px`, display: "block" });
  };
  const hide = () => {
    box.style.display = "none";
    chart.dispatchAction({ type: "hideTip" });
  };
  const leave = (one: number, other: number) => {
    const days = daysOf(points, one, other);
    if (days) {
      go(urlOf(location.href, days));
    }
  };

  // By keys: a slider, so that screen readers pass the arrows on and read out the point.
  const tell = () => {
    live.setAttribute("aria-valuenow", String(at + 1));
    live.setAttribute("aria-valuetext", said(points, anchor ?? at, at));
  };
  const focus = () => {
    tell();
    show(anchor ?? at, at);
    chart.dispatchAction({ type: "showTip", x: middle(at), y: live.clientHeight / 3 });
  };
  live.tabIndex = 0;
  live.setAttribute("role", "slider");
  live.setAttribute("aria-roledescription", "chart");
  live.setAttribute("aria-label", `${heading}: arrow keys move over the points, Shift and arrow keys select, Enter goes to the selected days`);
  live.setAttribute("aria-valuemin", "1");
  live.setAttribute("aria-valuemax", String(points.length));
  tell();
  live.addEventListener("focus", () => {
    if (live.matches(":focus-visible")) {
      focus();
    }
  });
  live.addEventListener("blur", () => {
    anchor = undefined;
    tell();
    hide();
  });
  live.addEventListener("keydown", (event) => {
    if (event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    const to = moved(event.key, at, points.length);
    if (to !== undefined) {
      anchor = event.shiftKey ? (anchor ?? at) : undefined;
      at = to;
      focus();
    } else if (event.key === "Enter") {
      leave(anchor ?? at, at);
    } else if (event.key === "Escape" && anchor !== undefined) {
      anchor = undefined;
      focus();
    } else {
      return; // Tab and all others do what they always do
    }
    event.preventDefault();
  });
  drawing.after.push(() => {
    if (box.style.display === "block") {
      hide();
    }
  });
  drag(live, (x) => clamp(chart.convertFromPixel({ xAxisIndex: 0 }, x), points.length), show, hide, leave);
}
