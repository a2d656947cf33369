import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { type Answer, checkAnswer, debounce, follower } from "../src/badge";

const answer = (url: string): Answer => ({ url, markdown: "m", html: "h", image: "i" });

test("changes are followed once they pause", (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const task = mock.fn();
  const changed = debounce(task, 200);
  changed();
  t.mock.timers.tick(199);
  changed();
  t.mock.timers.tick(199);
  assert.equal(task.mock.callCount(), 0);
  t.mock.timers.tick(1);
  assert.equal(task.mock.callCount(), 1);
  t.mock.timers.tick(10_000);
  assert.equal(task.mock.callCount(), 1);
  changed();
  t.mock.timers.tick(200);
  assert.equal(task.mock.callCount(), 2);
});

test("an answer to an earlier question is dropped, whenever it comes", async () => {
  const asked: { query: string; signal: AbortSignal; reply: (a: Answer) => void; fail: (err: Error) => void }[] = [];
  const shown: string[] = [];
  const failures: unknown[] = [];
  const follow = follower(
    (query, signal) =>
      new Promise((reply, fail) => {
        asked.push({ query, signal, reply, fail });
      }),
    (a) => shown.push(a.url),
    (err) => failures.push(err),
  );
  const all = ["a", "b", "c"].map((query) => follow(query));
  assert.deepEqual(asked.map((a) => a.signal.aborted), [true, true, false]);
  asked[2]?.reply(answer("c"));
  asked[0]?.reply(answer("a"));
  asked[1]?.fail(new Error("aborted"));
  await Promise.all(all);
  assert.deepEqual(shown, ["c"]);
  assert.deepEqual(failures, []);
  const last = follow("d");
  asked[3]?.fail(new Error("no network"));
  await last;
  assert.equal(failures.length, 1);
});

test("an answer is checked", () => {
  assert.deepEqual(checkAnswer({ ...answer("u"), more: 1 }), answer("u"));
  assert.equal(checkAnswer({ error: "no such package" }).error, "no such package");
  assert.throws(() => checkAnswer({ url: "u", markdown: "m" }), { message: "the answer has no html" });
  assert.throws(() => checkAnswer(null), { message: "the answer has no url" });
  assert.throws(() => checkAnswer({ error: 7 }), { message: "the answer has no error" });
});
