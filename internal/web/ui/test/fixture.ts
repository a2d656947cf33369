import { coloursOf } from "../src/colours";
import type { Bars, Point, Ring, Stack } from "../src/data";
import type { Look } from "../src/charts/frame";

export const look: Look = { colours: coloursOf((name) => (/^--c\d+$/.test(name) ? `#0000${name.slice(3).padStart(2, "0")}` : ` #${name.length}${name.length}0000 `)), measure: "downloads", still: true };

export function days(n: number, of: (at: number) => Partial<Point> = () => ({})): Point[] {
  return Array.from({ length: n }, (_, at) => {
    const day = `2026-03-${String(at + 1).padStart(2, "0")}`;
    return { name: day, text: `${at} downloads, ${at} hits`, value: at, from: day, to: day, ...of(at) };
  });
}

/** gapped has nothing known of its third day, and is not over on its last. */
export function gapped(): Point[] {
  const points = days(5);
  const [third, last] = [points[2], points[4]];
  if (third && last) {
    delete third.value;
    third.gap = true;
    last.open = true;
  }
  return points;
}

export const barsChart: Bars = { kind: "bars", points: gapped(), marks: [{ at: 1, label: "rules 3", kind: "rules" }, { at: 3, label: "1.2.0", kind: "upload" }, { at: 3, label: "1.1.0", kind: "deletion" }, { at: 4, label: "1.0.0", kind: "deletion" }] };

export const stackChart: Stack = {
  kind: "stack",
  group: "classes",
  points: gapped(),
  marks: [],
  layers: [
    { name: "people", color: 1, values: [1, 0, 9, 3, 5], url: "/stats?class=people" },
    { name: "ci", color: 2, values: [3, 0, 9, 1, 2] },
    { name: "{a|b}", color: 99, values: [0, 0, 9, 0, 1] },
  ],
};

export const ringChart: Ring = {
  kind: "ring",
  slices: [
    { label: "npm {x|y}", value: 3, text: "75 %", color: 1, url: "/stats?client=npm" },
    { label: "others", value: 1, text: "25 %", color: 0 },
  ],
};
