import assert from "node:assert/strict";
import { test } from "node:test";

import { clamp, daysOf, moved, said, span, urlOf } from "../src/brush";
import { days } from "./fixture";

test("a selection is from the first day to the last, whichever way it was made", () => {
  const points = days(10);
  assert.deepEqual(daysOf(points, 2, 5), { from: "2026-03-03", to: "2026-03-06" });
  assert.deepEqual(daysOf(points, 5, 2), { from: "2026-03-03", to: "2026-03-06" });
  assert.deepEqual(daysOf(points, 4, 4), { from: "2026-03-05", to: "2026-03-05" });
  assert.deepEqual(daysOf(points, 8, 99), { from: "2026-03-09", to: "2026-03-10" });
  assert.equal(daysOf([{ name: "a", text: "" }], 0, 0), undefined);
  assert.equal(points.length, 10);
});

test("points without days are passed over", () => {
  const points = days(4);
  delete points[0]?.from;
  delete points[3]?.to;
  assert.deepEqual(daysOf(points, 0, 3), { from: "2026-03-02", to: "2026-03-03" });
});

test("the page's own URL gets the days, and keeps the rest", () => {
  const to = { from: "2026-03-01", to: "2026-03-02" };
  assert.equal(urlOf("https://x.example/base/stats?days=30&class=ci&class=bot&measure=hits#classes", to), "https://x.example/base/stats?class=ci&class=bot&measure=hits&from=2026-03-01&to=2026-03-02");
  assert.equal(urlOf("https://x.example/stats?from=2025-01-01&to=2025-02-01", to), "https://x.example/stats?from=2026-03-01&to=2026-03-02");
});

test("keys stay within the points, and other keys do nothing", () => {
  const keys = ["ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"];
  assert.deepEqual(keys.map((key) => moved(key, 0, 10)), [0, 1, 0, 7, 0, 9]);
  assert.deepEqual(keys.map((key) => moved(key, 9, 10)), [8, 9, 2, 9, 0, 9]);
  assert.deepEqual(["Tab", "ArrowUp", "Enter", "toString", "x"].map((key) => moved(key, 3, 10)), Array(5).fill(undefined));
  assert.deepEqual([-3, 0.4, 4.6, 12].map((at) => clamp(at, 10)), [0, 0, 5, 9]);
});

test("a selection covers whole bars", () => {
  const middle = (at: number) => 50 + 20 * at;
  assert.deepEqual(span(3, 1, 5, 400, middle), { left: 60, width: 60 });
  assert.deepEqual(span(2, 2, 5, 400, middle), { left: 80, width: 20 });
  assert.deepEqual(span(0, 0, 1, 400, () => 200), { left: 0, width: 400 });
});

test("a selection is said", () => {
  assert.equal(said(days(3), 1, 1), "2026-03-02: 1 downloads, 1 hits");
  assert.equal(said(days(3), 2, 0), "from 2026-03-01 to 2026-03-03");
  assert.equal(said([], 0, 0), "");
});
