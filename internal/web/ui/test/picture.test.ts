import assert from "node:assert/strict";
import { test } from "node:test";

import { cut, fileName, flow, rangeOf } from "../src/picture";
import { days } from "./fixture";

test("a file is named by its panel and its days", () => {
  const range = { from: "2026-03-01", to: "2026-03-31" };
  assert.equal(fileName("classes", range, "svg"), "classes_2026-03-01_2026-03-31.svg");
  assert.equal(fileName("by client", undefined, "png"), "by-client.png");
  assert.equal(fileName("../../etc/Passwd ", range, "svg"), "etc-passwd_2026-03-01_2026-03-31.svg");
  assert.equal(fileName("", undefined, "svg"), "chart.svg");
  assert.equal(fileName("x".repeat(500), undefined, "svg").length, 64);
});

test("the days of a picture are those of its points", () => {
  assert.deepEqual(rangeOf(days(5)), { from: "2026-03-01", to: "2026-03-05" });
  assert.equal(rangeOf([]), undefined);
  assert.equal(rangeOf([{ name: "a", text: "" }]), undefined);
});

test("text is cut between signs", () => {
  assert.deepEqual([cut("abc", 3), cut("abcd", 3), cut("😀😀😀😀", 3)], ["abc", "ab…", "😀😀…"]);
});

test("a legend takes another line where it is full", () => {
  assert.deepEqual(flow([40, 40, 40, 200, 10], 100), [{ x: 0, line: 0 }, { x: 40, line: 0 }, { x: 0, line: 1 }, { x: 0, line: 2 }, { x: 0, line: 3 }]);
  assert.deepEqual(flow([], 100), []);
});
