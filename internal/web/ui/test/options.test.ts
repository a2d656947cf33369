import { BarChart, PieChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";
import assert from "node:assert/strict";
import { test } from "node:test";

import { bars } from "../src/charts/bars";
import { indexOf, isolated, type Option, plain } from "../src/charts/frame";
import { ring } from "../src/charts/ring";
import { stack, valuesOf } from "../src/charts/stack";
import { barsChart, look, ringChart, stackChart } from "./fixture";

use([BarChart, PieChart, GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent, SVGRenderer]);

type Series = { id: string; name: string; data: (null | number | { value: number; itemStyle: object })[]; markLine?: { data: { xAxis: number; label: { formatter: () => string } }[] } };

const seriesOf = (option: Option) => option.series as unknown as Series[];
const all = { hidden: new Set<string>(), shares: false };

function tip(option: Option, at: number): string {
  const { formatter } = option.tooltip as unknown as { formatter: (over: unknown) => string };
  return formatter(option.xAxis ? [{ dataIndex: at }] : { dataIndex: at });
}

/** drawn renders an option, and returns what all that is filled is filled with. */
function drawn(option: Option): string[] {
  const chart = init(null, null, { renderer: "svg", ssr: true, width: 600, height: 200 });
  chart.setOption({ ...option, animation: false });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return [...svg.matchAll(/<path[^>]* fill="([^"]+)"/g)].map((m) => m[1] ?? "");
}

test("a gap is not drawn as zero", () => {
  const [days, gaps] = seriesOf(bars(barsChart, look));
  assert.equal(days?.data[2], null);
  assert.deepEqual(gaps?.data, [null, null, 1, null, null]);
  for (const series of seriesOf(stack(stackChart, look, all)).slice(0, -1)) {
    assert.equal(series.data[2], null);
  }
  for (const shares of [true, false]) {
    assert.ok(valuesOf(stackChart, { hidden: new Set(), shares }).every((values) => values[2] === null));
  }
});

test("zero is drawn as zero", () => {
  const [days] = seriesOf(bars(barsChart, look));
  assert.deepEqual(days?.data[0], { value: 0, itemStyle: {} });
});

test("ECharts draws a bar for each day that is known, and none for a gap", () => {
  const fills = drawn(bars(barsChart, { ...look, colours: { ...look.colours, bar: "#00ff00", gap: "#ff0000", hatch: "#0000ff" } }));
  assert.deepEqual(["#00ff00", "#ff0000"].map((c) => fills.filter((f) => f === c).length), [4, 1]);
  assert.equal(fills.filter((f) => f.startsWith("url(")).length, 1, "a day that is not over is hatched");
});

test("ECharts draws all slices", () => {
  assert.deepEqual(drawn(ring(ringChart, look)).filter((fill) => fill.startsWith("#0000")), ["#000001", "#000000"]);
});

test("shares of what is shown sum to 1, and to nothing where there is nothing", () => {
  for (const hidden of [[], ["people"], ["ci", "{a|b}"]]) {
    const values = valuesOf(stackChart, { hidden: new Set(hidden), shares: true });
    for (const at of [0, 3, 4]) {
      const sum = values.reduce((s, v) => s + (v[at] ?? 0), 0);
      assert.ok(Math.abs(sum - (at === 0 && hidden.length === 0 ? 1 : sum === 0 ? 0 : 1)) < 1e-9, `${hidden.join()} at ${at}: ${sum}`);
    }
    assert.ok(values.every((v) => v[1] === null));
  }
});

test("hidden layers are neither drawn nor told", () => {
  const option = stack(stackChart, look, { hidden: new Set(["ci"]), shares: false });
  assert.deepEqual(seriesOf(option).map((s) => s.id), ["layer 0", "layer 2", "gaps"]);
  assert.ok(!tip(option, 0).includes("ci"));
  const none = stack(stackChart, look, { hidden: new Set(["ci", "people", "{a|b}"]), shares: true });
  assert.deepEqual(seriesOf(none).map((s) => s.id), ["gaps"]);
  assert.match(tip(none, 0), /all classes are switched off/);
});

test("tooltips say what a point is", () => {
  assert.equal(tip(bars(barsChart, look), 3), "2026-03-04\n3 downloads\n3 hits\nuploaded: 1.2.0\ndeleted: 1.1.0");
  assert.match(tip(bars(barsChart, look), 1), /rules 3 from here on$/);
  assert.equal(tip(stack(stackChart, look, all), 2), "2026-03-03\nno source reported");
  assert.equal(tip(stack(stackChart, look, { ...all, shares: true }), 4), "2026-03-05\n{\u2060a|b}: 1 (13\u202f%)\nci: 2 (25\u202f%)\npeople: 5 (63\u202f%)\nclick on a colour to see it alone\nnot over yet");
  assert.equal(tip(ring(ringChart, look), 1), "others\n25 %");
  assert.equal(tip(ring(ringChart, look), 7), "");
});

test("names are no markup and no template of ECharts", () => {
  assert.equal(tip(ring(ringChart, look), 0), "npm {\u2060x|y}\n75 %\nclick to see it alone");
  assert.equal(plain("{a|b} {c} {}|"), "{\u2060a|b} {c} {}|");
  const marked = seriesOf(bars({ ...barsChart, marks: [{ at: 0, label: "{b}", kind: "rules" }] }, look)).at(-1);
  assert.equal(marked?.markLine?.data[0]?.label.formatter(), "{b}");
});

test("a tooltip without a point says nothing", () => {
  assert.deepEqual([[], {}, null, undefined, [{ dataIndex: "1" }]].map(indexOf), [-1, -1, -1, -1, -1]);
  assert.equal(tip(bars(barsChart, look), 9), "");
});

test("a colour that the style sheet does not have is that of the rest", () => {
  assert.deepEqual([1, 10, 0, 11].map(look.colours.hue), ["#000001", "#000010", "#000000", "#000000"]);
});

test("a name of another script does not reorder a line", () => {
  assert.deepEqual([isolated("npm {x}"), isolated("שלום"), isolated("a\u202eb")], ["npm {x}", "\u2068שלום\u2069", "\u2068a\u202eb\u2069"]);
});

test("uploads and deletions have signs of their own, and stand beside each other", () => {
  const signs = (bars(barsChart, look).series as unknown as { markPoint?: { data: { symbol: string; symbolOffset: number[] }[] } }[]).at(-1)?.markPoint?.data;
  assert.deepEqual(signs?.map((s) => s.symbol.slice(0, 8)), ["triangle", "path://M", "path://M"]);
  assert.deepEqual(signs.map((s) => s.symbolOffset), [[-5, 4], [5, 4], [0, 4]]);
});
