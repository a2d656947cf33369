import assert from "node:assert/strict";
import { test } from "node:test";

import type { Shown } from "../src/feed";
import { link, nameOf, note } from "../src/rows";
import { latest } from "../src/ticker";
import { event } from "./event";

test("what is no download says so", () => {
  const said = (e: Partial<Shown>) => note({ ...event, ...e });
  assert.equal(said({}), "");
  assert.equal(said({ counts: "upload", op: "upload" }), "upload");
  assert.equal(said({ counts: "nothing", op: "delete" }), "delete");
  assert.equal(said({ counts: "hit", kind: "checksum" }), "checksum");
  assert.equal(said({ counts: "hit", op: "head" }), "only looked at");
  assert.equal(said({ counts: "hit", status: 304 }), "status 304");
  assert.equal(said({ counts: "nothing", status: 404 }), "status 404");
});

test("names are plain, and links are whole", () => {
  assert.equal(nameOf("pkg:npm/%40acme/app"), "@acme/app");
  assert.equal(nameOf("pkg:npm/%zz"), "%zz");
  assert.equal(link("/base", event, "/stats", { client: "a&b=<c>" }), "/base/stats?days=30&client=a%26b%3D%3Cc%3E");
  assert.equal(link("", { ...event, counts: "hit" }, "/stats", { class: "ci" }), "/stats?days=30&measure=hits&class=ci");
});

test("events are shown in the next frame, the last of many only", () => {
  const frames: (() => void)[] = [];
  const shown: number[][] = [];
  const add = latest<number>(3, (task) => frames.push(task), (all) => shown.push(all));
  add([]);
  assert.equal(frames.length, 0);
  add([1]);
  add([2, 3, 4]);
  assert.equal(frames.length, 1);
  frames[0]?.();
  add([5]);
  frames[1]?.();
  assert.deepEqual(shown, [[2, 3, 4], [5]]);
});
