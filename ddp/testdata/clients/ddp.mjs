// npm ddp: the client closest to Meteor's own. argv: port, "sockjs" or "raw".
import DDPClient from "ddp";
import { assert, done } from "./check.mjs";

const [port, mode] = process.argv.slice(2);
const client = new DDPClient({
  host: "127.0.0.1", port: Number(port), autoReconnect: false, maintainCollections: true, useSockJs: mode === "sockjs",
});
const frames = [];
client.on("message", (frame) => frames.push(JSON.parse(frame)));

const connect = () => new Promise((ok, no) => client.connect((err) => (err ? no(err) : ok())));
const call = (name, params) =>
  new Promise((ok) => {
    const seen = {};
    const both = () => "answer" in seen && seen.updated && ok(seen.answer);
    client.call(name, params,
      (err, result) => { seen.answer = { err, result }; both(); },
      () => { seen.updated = true; both(); });
  });
const subscribe = (name) => new Promise((ok) => { const id = client.subscribe(name, [], (err) => ok({ id, err })); });

await connect();
assert.equal(client.session.length, 17);

const when = new Date(1400000000123);
let { err, result } = await call("echo", [{ when, list: [1, "é😀", null], bytes: new Uint8Array([1, 2, 255]) }]);
assert.equal(err, undefined);
assert.ok(result.when instanceof Date);
assert.equal(result.when.getTime(), when.getTime());
assert.deepEqual(result.list, [1, "é😀", null]);
assert.deepEqual([...result.bytes], [1, 2, 255]);

({ err, result } = await call("echo", [{ $date: 1 }].map((literal) => ({ inner: literal }))));
assert.deepEqual(result.inner, { $date: 1 }, "a literal that looks like a date stays literal");

({ err, result } = await call("refuse", []));
assert.equal(err.error, 401);
assert.strictEqual(typeof err.error, "number");
assert.equal(err.reason, "Not you.");
assert.equal(err.message, "Not you. [401]");
assert.equal(err.errorType, "Meteor.Error");

({ err } = await call("nosuch", []));
assert.equal(err.error, 404);
({ err } = await call("leak", []));
assert.equal(err.error, 500);
assert.equal(err.reason, "Internal server error");

const five = await subscribe("five");
assert.equal(five.err, undefined);
assert.deepEqual(Object.keys(client.collections.counts).sort(), ["c0", "c1", "c2", "c3", "c4"]);
const one = await subscribe("one");
assert.ok(client.collections.things.x.b instanceof Date);
const two = await subscribe("two");
assert.deepEqual({ ...client.collections.things.x, b: 0 }, { _id: "x", a: 1, b: 0, c: 3 });
client.unsubscribe(one.id);
await call("nothing", []);
assert.deepEqual(client.collections.things.x, { _id: "x", a: 2, c: 3 });
client.unsubscribe(two.id);
await call("nothing", []);
assert.equal(client.collections.things.x, undefined);
assert.equal((await subscribe("refuse")).err.error, 403);
assert.equal((await subscribe("nosuch")).err.error, 404);

assert.equal(frames.filter((f) => f.msg === "result").length, frames.filter((f) => f.msg === "updated").length);
assert.ok(!frames.some((f) => f.msg === "error"), "no error frames");
client.on("socket-close", (code) => { assert.equal(code, 1000); done(); });
client.close();
