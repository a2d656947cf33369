import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import assert from "node:assert/strict";
import { test } from "node:test";

import { dashes, decimals, lines, linesAt, scaleName } from "../src/charts/lines";
import { checkChart, type Lines } from "../src/data";
import { gapped, look } from "./fixture";

use([BarChart, LineChart, GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent, SVGRenderer]);

const all = { hidden: new Set<string>() };
const chart = (scale: Lines["scale"]): Lines => ({
  kind: "lines",
  scale,
  points: gapped(),
  marks: [],
  lines: [
    { name: "npm/a", color: 1, values: [100, 50, null, 300, 25], counts: [4, 2, 0, 12, 1] },
    { name: "npm/b", color: 2, values: [null, 7, null, null, 9], counts: [0, 7, 0, 0, 9] },
  ],
});

function svg(c: Lines): string {
  const drawing = init(null, null, { renderer: "svg", ssr: true, width: 600, height: 200 });
  drawing.setOption({ ...lines(c, look, all), animation: false });
  const text = drawing.renderToSVGString();
  drawing.dispose();
  return text;
}

test("every scale is drawn, each line with a dash of its own", () => {
  for (const scale of ["linear", "log", "index", "share"] as const) {
    const text = svg(chart(scale));
    assert.match(text, /stroke="#000001"/);
    assert.match(text, /stroke="#000002"[^>]*stroke-dasharray/);
    assert.doesNotMatch(text, /NaN|Infinity/);
  }
  assert.equal(new Set(dashes.map(String)).size, 8);
});

test("a tooltip names what is largest first, and says of a gap that nothing is known", () => {
  assert.deepEqual(linesAt(chart("index"), all, 0), ["npm/a: 4 (100)", "npm/b: 0"]);
  assert.deepEqual(linesAt(chart("share"), all, 4), ["npm/a: 1 (25\u202f%)", "npm/b: 9 (9\u202f%)", "not over yet"]);
  assert.deepEqual(linesAt(chart("linear"), all, 2), ["no source reported"]);
  assert.deepEqual(linesAt(chart("log"), { hidden: new Set(["npm/a", "npm/b"]) }, 0), ["all packages are switched off"]);
});

test("values of an axis have as many digits as say something", () => {
  assert.deepEqual([0.004, 0.25, 3.5, 42.25, 1234.5, 7].map(decimals), ["0.0040", "0.25", "3.50", "42.3", "1\u202f235", "7"]);
  assert.equal(scaleName("linear", 1_500_000), "1.5\u202fM");
});

test("lines that do not fit their points, or that have zero on a logarithmic scale, are refused", () => {
  const good = chart("log");
  assert.deepEqual(checkChart("x", good), good);
  const first = good.lines[0];
  assert.ok(first);
  for (const wrong of [
    { ...good, scale: "cubic" },
    { ...good, lines: [{ ...first, values: [1] }] },
    { ...good, lines: [{ ...first, counts: [1] }] },
    { ...good, lines: [{ ...first, values: [0, 1, 1, 1, 1] }] },
    { ...good, lines: [{ ...first, values: ["1", 1, 1, 1, 1] }] },
  ]) {
    assert.throws(() => checkChart("x", wrong), /charts\.x\..* is .*, want /);
  }
});
