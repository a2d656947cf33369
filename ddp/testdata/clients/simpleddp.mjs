// npm simpleddp over ws, which offers permessage-deflate. argv: port.
import simpleDDP from "simpleddp";
import WebSocket from "ws";
import { assert, done } from "./check.mjs";

const [port] = process.argv.slice(2);
const sockets = [];
class Socket extends WebSocket {
  constructor(url) {
    super(url);
    sockets.push(this);
  }
}
const client = new simpleDDP({ endpoint: `ws://127.0.0.1:${port}/websocket`, SocketConstructor: Socket, reconnectInterval: 1e6 });
await client.connect();
assert.match(sockets[0].extensions, /permessage-deflate/);

const when = new Date(1400000000123);
const echoed = await client.call("echo", { when, deep: [{ when }] });
assert.equal(echoed.when.getTime(), when.getTime());
assert.equal(echoed.deep[0].when.getTime(), when.getTime());
assert.equal((await client.call("size", 300000)).length, 300000, "a deflated result");
const long = "ä".repeat(100000);
assert.equal(await client.call("echo", long), long, "a deflated argument");

await assert.rejects(client.call("refuse"), (e) => e.error === 401 && e.reason === "Not you.");
await assert.rejects(client.call("nosuch"), (e) => e.error === 404);

const events = [];
for (const type of ["added", "changed", "removed"]) {
  client.on(type, (m) => events.push(`${type} ${m.collection} ${m.id}`));
}
const one = client.subscribe("one");
await one.ready();
const two = client.subscribe("two");
await two.ready();
const things = client.collection("things");
assert.equal(things.fetch()[0].a, 1);
assert.equal(things.fetch()[0].b.getTime(), 7);
await one.stop();
assert.equal(things.fetch()[0].a, 2);
await two.stop();
assert.equal(things.fetch().length, 0);
assert.deepEqual(events, ["added things x", "changed things x", "changed things x", "removed things x"]);
const refusal = new Promise((ok) => client.on("nosub", (m) => m.error && ok(m.error)));
client.subscribe("refuse");
assert.equal((await refusal).error, 403);

sockets[0].on("close", (code) => { assert.ok(code === 1000 || code === 1005); done(); });
client.disconnect();
