import assert from "node:assert/strict";
import { test } from "node:test";

import { axisName, count, percent, short } from "../src/numbers";

const nb = "\u202f";

test("numbers are written in groups of three", () => {
  assert.deepEqual([0, 12, 999, 1000, 12345, 1234567].map(count), ["0", "12", "999", `1${nb}000`, `12${nb}345`, `1${nb}234${nb}567`]);
});

test("a scale has short numbers", () => {
  assert.deepEqual([0, 999, 9999, 10_000, 12_345, 1e6, 2.55e9, 3e12].map(short), ["0", "999", `9${nb}999`, `10${nb}k`, `12.3${nb}k`, `1${nb}M`, `2.6${nb}G`, `3${nb}T`]);
});

test("a share that is little is not none", () => {
  assert.deepEqual([0, 0.001, 0.01, 0.256, 1].map(percent), [`0${nb}%`, `<${nb}1${nb}%`, `1${nb}%`, `26${nb}%`, `100${nb}%`]);
});

test("an axis has short names of days, weeks and months, and other names as they are", () => {
  assert.deepEqual(["2026-03-07", "week of 2026-03-02", "2026-03", "2026-13", "now", ""].map(axisName), ["7 Mar", "2 Mar", "Mar 2026", "2026-13", "now", ""]);
});
