import assert from "node:assert/strict";
import { test } from "node:test";

import { checkFound, nameOf, passages, sparkPath, urlOf, wordsOf } from "../src/hits";

const marked = (name: string, asked: string) => passages(name, wordsOf(asked)).map((p) => (p.hit ? `[${p.text}]` : p.text)).join("");

test("every place of every word is marked, whatever its case", () => {
  assert.equal(marked("maven/com.acme/App-app", "APP acme"), "maven/com.[acme]/[App]-[app]");
  assert.equal(marked("maven/com.acme/app", "com.acme:app"), "maven/[com.acme/app]");
  assert.equal(marked("npm/@scope/x", "pkg:npm/%40scope/x@1.0.0?a=b#c"), "[npm/@scope/x]");
  assert.equal(marked("Größe", "GRÖ"), "[Grö]ße");
  assert.equal(marked("İx", "x"), "İ[x]");
  assert.equal(marked("👩‍🚀x", "zzz"), "👩‍🚀x");
  assert.equal(marked("aaa", "aa"), "[aaa]");
  assert.equal(marked("%zz", "%zz"), "[%zz]");
});

test("a hit leads to a page of this server, whatever its name is", () => {
  const hit = (key: string, downloads: number) => ({ key, downloads, hits: 1, days: [] });
  assert.equal(urlOf("/base", "package", hit("pkg:npm/%40a/b", 0)), "/base/stats/package?package=pkg%3Anpm%2F%2540a%2Fb");
  assert.equal(urlOf("", "file", hit("javascript:alert(1)//", 1)), "/stats?file=javascript%3Aalert%281%29%2F%2F");
  assert.equal(urlOf("", "repository", hit("a&b=c", 0)), "/stats?repository=a%26b%3Dc&measure=hits");
});

test("a package is shown without escapes, and one that is broken as it is", () => {
  assert.equal(nameOf("package", "pkg:npm/%40scope/x"), "npm/@scope/x");
  assert.equal(nameOf("package", "pkg:npm/%zz"), "npm/%zz");
  assert.equal(nameOf("file", "%40.jar"), "%40.jar");
  assert.equal(nameOf("repository", ""), "(none)");
});

test("the line of the last days is broken where no source reported", () => {
  assert.equal(sparkPath([0, 4, null, 2, null]), "M0.0 19.0h0L25.0 1.0M75.0 10.0h0");
  assert.equal(sparkPath([]), "");
});

test("an answer that is not what we think it is throws, and empty groups go", () => {
  const item = { key: "a", downloads: 1, hits: 2, days: [1, null] };
  assert.deepEqual(checkFound({ groups: [{ by: "file", items: [item] }, { by: "client", items: [] }, { by: "new", items: [item] }] }), [{ by: "file", items: [item] }]);
  for (const wrong of [null, [], { groups: [{ by: 1 }] }, { groups: [{ by: "file", items: [{ key: "a" }] }] }, { groups: [{ by: "file", items: [{ ...item, days: ["x"] }] }] }]) {
    assert.throws(() => checkFound(wrong), /is .*, want /);
  }
});
