// What the client scripts share: checks, a time limit, and the one line that
// the Go side waits for.
import assert from "node:assert/strict";

setTimeout(() => fail(new Error("not done after 60 s")), 60_000).unref();

export function fail(err) {
  console.error(err);
  process.exit(1);
}

export function done() {
  console.log("all good");
  process.exit(0);
}

// A refused subscription of simpleddp rejects promises that nobody can reach.
process.on("unhandledRejection", (err) => err?.error === 403 || fail(err));
process.on("uncaughtException", fail);

export { assert };
