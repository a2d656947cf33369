import assert from "node:assert/strict";
import { test } from "node:test";

import { checkEvent, checkSkipped, Feed, type Message, type State } from "../src/feed";
import { event } from "./event";

class FakeStream {
  readyState = 0;
  closed = false;
  private readonly listeners = new Map<string, ((event: Message) => void)[]>();

  constructor(readonly url: string) {}

  addEventListener(kind: string, listener: (event: Message) => void): void {
    this.listeners.set(kind, [...(this.listeners.get(kind) ?? []), listener]);
  }

  close(): void {
    this.closed = true;
  }

  say(kind: string, lastEventId = "", data: unknown = {}): void {
    for (const listener of this.listeners.get(kind) ?? []) {
      listener({ data: typeof data === "string" ? data : JSON.stringify(data), lastEventId });
    }
  }
}

function fixture(most = 50) {
  const streams: FakeStream[] = [];
  const timers: { ms: number; task: () => void; cancelled: boolean }[] = [];
  const seen = { files: [] as string[], states: [] as State[], waiting: 0, skipped: 0, cleared: 0, failures: 0 };
  const feed = new Feed("/api/v1/live?type=npm", "l-7", most, {
    add: (events) => {
      seen.files.push(...events.map((e) => e.file));
    },
    clear: () => {
      seen.cleared++;
    },
    state: (s) => {
      seen.states.push(s);
    },
    waiting: (n) => {
      seen.waiting = n;
    },
    skipped: (n) => {
      seen.skipped += n;
    },
    failed: () => {
      seen.failures++;
    },
  }, {
    open: (url) => {
      const stream = new FakeStream(url);
      streams.push(stream);
      return stream;
    },
    after: (ms, task) => {
      const timer = { ms, task, cancelled: false };
      timers.push(timer);
      return () => {
        timer.cancelled = true;
      };
    },
  });
  const last = () => {
    const stream = streams.at(-1);
    assert.ok(stream);
    return stream;
  };
  const file = (id: number) => {
    last().say("message", `l-${id}`, { ...event, file: `f${id}` });
  };
  return { feed, seen, streams, timers, last, file };
}

test("a stream begins after what the page has, and goes on after the last message", () => {
  const { feed, seen, last, file } = fixture();
  feed.open();
  assert.equal(last().url, "/api/v1/live?type=npm&after=l-7");
  last().say("open");
  file(8);
  file(9);
  last().say("skipped", "l-12", { events: 3 });
  last().say("at", "l-20");
  feed.open();
  assert.equal(last().url, "/api/v1/live?type=npm&after=l-20");
  assert.deepEqual(seen.files, ["f8", "f9"]);
  assert.equal(seen.skipped, 3);
  assert.deepEqual(seen.states, ["connecting", "open", "connecting"]);
});

test("a stream that was left says nothing more", () => {
  const { feed, seen, last, streams } = fixture();
  feed.open();
  const old = last();
  feed.open();
  assert.ok(old.closed);
  old.say("message", "l-8", event);
  old.say("error");
  assert.deepEqual(seen.files, []);
  assert.deepEqual(seen.states, ["connecting", "connecting"]);
  assert.equal(streams.length, 2);
});

test("what comes while it is paused is counted, and the last of it shown then", () => {
  const { feed, seen, file } = fixture(3);
  feed.open();
  feed.pause();
  for (const id of [8, 9, 10, 11, 12]) {
    file(id);
  }
  assert.deepEqual(seen.files, []);
  assert.equal(seen.waiting, 5);
  feed.resume();
  assert.deepEqual(seen.files, ["f10", "f11", "f12"]);
  assert.equal(seen.waiting, 0);
  file(13);
  assert.deepEqual(seen.files.slice(3), ["f13"]);
});

test("a browser that comes back by itself is left to it", () => {
  const { feed, seen, last, timers } = fixture();
  feed.open();
  last().say("error");
  assert.equal(timers.length, 0);
  assert.equal(seen.states.at(-1), "lost");
  last().say("open");
  assert.equal(seen.states.at(-1), "open");
});

test("one that was refused tries again, less and less often, until it is closed", () => {
  const { feed, last, streams, timers } = fixture();
  feed.open();
  const waits = [2000, 4000, 8000, 16_000, 30_000, 30_000];
  for (const ms of waits) {
    last().readyState = 2;
    last().say("error");
    assert.equal(timers.at(-1)?.ms, ms);
    timers.at(-1)?.task();
  }
  assert.equal(streams.length, waits.length + 1);
  last().say("open");
  last().readyState = 2;
  last().say("error");
  assert.equal(timers.at(-1)?.ms, 2000);
  feed.close();
  assert.ok(timers.at(-1)?.cancelled);
});

test("the events of another ledger begin anew", () => {
  const { feed, seen, last, file } = fixture();
  feed.open();
  feed.pause();
  file(8);
  last().say("reset");
  assert.equal(seen.cleared, 1);
  assert.equal(seen.waiting, 0);
  feed.resume();
  assert.deepEqual(seen.files, []);
});

test("a message that cannot be read is told, and the next one shown", () => {
  const { feed, seen, last, file } = fixture();
  feed.open();
  last().say("message", "l-8", "{");
  last().say("message", "l-9", { file: 7 });
  last().say("skipped", "l-9", {});
  file(10);
  assert.equal(seen.failures, 3);
  assert.deepEqual(seen.files, ["f10"]);
});

test("an event is checked", () => {
  assert.deepEqual(checkEvent({ ...event, version: undefined, country: undefined, more: 1 }), { ...event, version: "", country: "" });
  assert.throws(() => checkEvent({ ...event, file: undefined }), { message: "the event has no file" });
  assert.throws(() => checkEvent({ ...event, status: "200" }), { message: "the event has no status" });
  assert.throws(() => checkEvent(null));
  assert.equal(checkSkipped({ events: 3 }), 3);
  assert.throws(() => checkSkipped(3));
});
