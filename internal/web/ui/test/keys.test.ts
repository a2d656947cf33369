import assert from "node:assert/strict";
import { test } from "node:test";

import { meant, type Press, selectorOf } from "../src/keys";

const bare: Press = { key: "d", altKey: false, ctrlKey: false, metaKey: false, shiftKey: false, repeat: false, isComposing: false, defaultPrevented: false };

test("keys follow links", () => {
  assert.deepEqual(["ArrowLeft", "ArrowRight", "d", "a"].map(selectorOf), ["a[rel~=prev]", "a[rel~=next]", `a[data-key="d"]`, `a[data-key="a"]`]);
  assert.deepEqual(["D", "x", "?", "Enter", "dw", `"]`].map(selectorOf), Array(6).fill(undefined));
});

test("keys are left alone while somebody types, and when they are the browser's", () => {
  assert.ok(meant(bare, false));
  assert.ok(!meant(bare, true));
  for (const held of ["altKey", "ctrlKey", "metaKey", "shiftKey", "repeat", "isComposing", "defaultPrevented"] as const) {
    assert.ok(!meant({ ...bare, [held]: true }, false), held);
  }
  assert.ok(meant({ ...bare, key: "?", shiftKey: true }, false));
});
