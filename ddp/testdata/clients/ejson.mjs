// npm ejson as the oracle. Each line of stdin is [tagged value, EJSON text];
// the answer is [the text's tagged value as ejson reads it, ejson's own text].
import readline from "node:readline";
import EJSON from "ejson";
import { fail } from "./check.mjs";

function build([tag, ...rest]) {
  switch (tag) {
    case "null": return null;
    case "date": return new Date(rest[0]);
    case "bytes": return new Uint8Array(Buffer.from(rest[0], "base64"));
    case "nan": return NaN;
    case "inf": return rest[0] * Infinity;
    case "re": return new RegExp(rest[0], rest[1]);
    case "array": return rest.map(build);
    case "object": return Object.fromEntries(rest.map(([k, v]) => [k, build(v)]));
    case "is": return rest[0];
  }
  throw new Error(`tag ${tag}`);
}

function tagged(v) {
  if (v === null) return ["null"];
  if (v instanceof Date) return ["date", v.getTime()];
  if (v instanceof Uint8Array) return ["bytes", Buffer.from(v).toString("base64")];
  if (v instanceof RegExp) return ["re", v.source, v.flags];
  if (Array.isArray(v)) return ["array", ...v.map(tagged)];
  if (typeof v === "object") return ["object", ...Object.keys(v).sort().map((k) => [k, tagged(v[k])])];
  if (Number.isNaN(v)) return ["nan"];
  if (v === Infinity || v === -Infinity) return ["inf", Math.sign(v)];
  return ["is", v];
}

try {
  for await (const line of readline.createInterface({ input: process.stdin, crlfDelay: Infinity })) {
    const [value, text] = JSON.parse(line);
    console.log(JSON.stringify([tagged(EJSON.parse(text)), EJSON.stringify(build(value))]));
  }
} catch (err) {
  fail(err);
}
