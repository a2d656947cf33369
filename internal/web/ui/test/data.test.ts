import assert from "node:assert/strict";
import { test } from "node:test";

import { checkChart, checkData } from "../src/data";
import { barsChart, ringChart, stackChart } from "./fixture";

const changed = (chart: object, change: object): unknown => ({ ...(JSON.parse(JSON.stringify(chart)) as object), ...change });

test("what the server sends is taken as it is", () => {
  for (const chart of [barsChart, stackChart, ringChart]) {
    assert.deepEqual(checkChart("x", JSON.parse(JSON.stringify(chart))), chart);
  }
  assert.deepEqual(checkData({ measure: "hits", charts: { a: 1 } }), { measure: "hits", charts: new Map([["a", 1]]) });
});

test("flags that are false are absent", () => {
  const [point] = (checkChart("x", { kind: "bars", marks: [], points: [{ name: "a", text: "", value: 0, gap: false, open: false }] }) as typeof barsChart).points;
  assert.deepEqual(point, { name: "a", text: "", value: 0 });
});

test("lists that are absent are empty", () => {
  assert.deepEqual(checkChart("x", { kind: "bars" }), { kind: "bars", points: [], marks: [] });
  assert.deepEqual(checkChart("x", { kind: "stack", group: "versions" }), { kind: "stack", points: [], marks: [], layers: [], group: "versions" });
  assert.deepEqual(checkChart("x", { kind: "ring" }), { kind: "ring", slices: [] });
});

test("no field comes from elsewhere", () => {
  const [point] = (checkChart("x", { kind: "bars", marks: [], points: [JSON.parse('{"name":"a","text":"","value":1,"__proto__":{"gap":true},"extra":1}')] }) as typeof barsChart).points;
  assert.deepEqual(point, { name: "a", text: "", value: 1 });
});

test("what is wrong is named", () => {
  const cases: [value: unknown, message: string][] = [
    [undefined, "charts.x is undefined, want an object"],
    [[], "charts.x is an array, want an object"],
    [{ kind: "pie" }, `charts.x.kind is "pie", want "bars", "stack", "lines" or "ring"`],
    [changed(barsChart, { points: null }), "charts.x.points is null, want an array"],
    [changed(barsChart, { marks: [], points: [{ name: 1 }] }), "charts.x.points[0].name is 1, want text"],
    [changed(barsChart, { marks: [], points: [{ name: "a", text: "" }] }), "charts.x.points[0].value is undefined, want a number, or a gap: what is missing is not zero"],
    [changed(barsChart, { marks: [], points: [{ name: "a", text: "", value: -1 }] }), "charts.x.points[0].value is -1, want a number from 0 on"],
    [changed(barsChart, { marks: [], points: [{ name: "a", text: "", value: "1" }] }), `charts.x.points[0].value is "1", want a number from 0 on`],
    [changed(barsChart, { marks: [], points: [{ name: "a", text: "", value: 1, gap: 1 }] }), "charts.x.points[0].gap is 1, want true or absent"],
    [changed(barsChart, { marks: [], points: [{ name: "a", text: "", value: 1, from: "7 March" }] }), `charts.x.points[0].from is "7 March", want a day like 2026-03-07`],
    [changed(barsChart, { marks: [{ at: 5, label: "", kind: "rules" }] }), "charts.x.marks[0].at is 5, want less than 5, the number of points"],
    [changed(barsChart, { marks: [{ at: 1.5, label: "", kind: "rules" }] }), "charts.x.marks[0].at is 1.5, want a whole number from 0 on"],
    [changed(barsChart, { marks: [{ at: 1, label: "", kind: "other" }] }), `charts.x.marks[0].kind is "other", want "rules", "upload" or "deletion"`],
    [changed(stackChart, { layers: [{ name: "a", color: 1, values: [1] }] }), "charts.x.layers[0].values.length is 1, want 5, the number of points"],
    [changed(stackChart, { layers: [{ name: "a", color: 1, values: [1, 1, null, 1, 1] }] }), "charts.x.layers[0].values[2] is null, want a number from 0 on"],
    [changed(stackChart, { group: undefined }), "charts.x.group is undefined, want text"],
    [changed(ringChart, { slices: [{ label: "a", value: Infinity, text: "", color: 1 }] }), "charts.x.slices[0].value is null, want a number from 0 on"],
  ];
  for (const [value, message] of cases) {
    assert.throws(() => checkChart("x", value), { message });
  }
  assert.throws(() => checkData(null), { message: "data is null, want an object" });
  assert.throws(() => checkData({ measure: "hits" }), { message: "data.charts is undefined, want an object" });
});
