// npm ddp.js: frames as they are, without EJSON. argv: port.
import module from "ddp.js";
import WebSocket from "ws";
import { assert, done } from "./check.mjs";

const DDP = module.default ?? module;
const [port] = process.argv.slice(2);
const client = new DDP({ endpoint: `ws://127.0.0.1:${port}/websocket`, SocketConstructor: WebSocket, autoReconnect: false });

const waiting = [];
const frames = [];
for (const type of ["ready", "nosub", "added", "changed", "removed", "result", "updated", "error"]) {
  client.on(type, (frame) => {
    frames.push(frame);
    for (const w of waiting.splice(0)) w() || waiting.push(w);
  });
}
const until = (match) =>
  new Promise((ok) => {
    const w = () => { const f = frames.find(match); if (f) ok(f); return f; };
    w() || waiting.push(w);
  });

await new Promise((ok) => client.on("connected", ok));
let id = client.method("echo", [{ at: { $date: 5 }, lit: { $escape: { $date: 6 } } }]);
assert.deepEqual(await until((f) => f.msg === "result" && f.id === id),
  { msg: "result", id, result: { at: { $date: 5 }, lit: { $escape: { $date: 6 } } } });
await until((f) => f.msg === "updated" && f.methods.length === 1 && f.methods[0] === id);

id = client.method("nothing", []);
assert.deepEqual(await until((f) => f.msg === "result" && f.id === id), { msg: "result", id });

id = client.method("refuse", []);
assert.deepEqual((await until((f) => f.msg === "result" && f.id === id)).error, {
  isClientSafe: true, error: 401, reason: "Not you.", details: { at: { $date: 5 } }, message: "Not you. [401]", errorType: "Meteor.Error",
});

const sub = client.sub("one", []);
assert.deepEqual(await until((f) => f.msg === "ready"), { msg: "ready", subs: [sub] });
assert.deepEqual(await until((f) => f.msg === "added"), { msg: "added", collection: "things", id: "x", fields: { a: 1, b: { $date: 7 } } });
client.unsub(sub);
assert.deepEqual(await until((f) => f.msg === "nosub"), { msg: "nosub", id: sub });
assert.deepEqual(frames.slice(-2), [{ msg: "removed", collection: "things", id: "x" }, { msg: "nosub", id: sub }]);
assert.ok(!frames.some((f) => f.msg === "error"));
client.on("disconnected", done);
client.disconnect();
