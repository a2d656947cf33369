// Copies a catalog as real clients do, and prints it. Run where the clients of
// package ddp are installed, with this text as input. argv: port, library (ddp
// or simpleddp), manner (tool or peer).
import DDPClient from "ddp";
import simpleDDP from "simpleddp";
import WebSocket from "ws";
import { assert } from "./check.mjs";

const [port, library, manner] = process.argv.slice(2);
const five = ["packages", "versions", "builds", "releaseTracks", "releaseVersions"];
const open = { ddp: openDDP, simpleddp: openSimple }[library];

// npm ddp, the client closest to Meteor's own.
async function openDDP() {
  const client = new DDPClient({ host: "127.0.0.1", port: Number(port), autoReconnect: false, maintainCollections: true });
  await new Promise((ok, no) => client.connect((err) => (err ? no(err) : ok())));
  return {
    call: (...params) => new Promise((ok, no) => client.call("syncNewPackageData", params, (err, result) => (err ? no(err) : ok(result)))),
    subscribe: (name) => new Promise((ok, no) => client.subscribe(name, [], (err) => (err ? no(err) : ok()))),
    documents: (name) => Object.values(client.collections[name] ?? {}),
    close: () => client.close(),
  };
}

async function openSimple() {
  const client = new simpleDDP({ endpoint: `ws://127.0.0.1:${port}/websocket`, SocketConstructor: WebSocket, reconnectInterval: 1e6 });
  await client.connect();
  return {
    call: (...params) => client.call("syncNewPackageData", ...params),
    subscribe: (name) => client.subscribe(name).ready(),
    documents: (name) => client.collection(name).fetch(),
    close: () => client.disconnect(),
  };
}

const db = Object.fromEntries(five.map((name) => [name, new Map()]));
let calls = 0;
let resets = 0;

// All five members are taken for arrays, as tool 3 does.
function store(collections) {
  for (const name of five) {
    for (const record of collections[name]) {
      db[name].delete(record._id);
      db[name].set(record._id, record);
    }
  }
}

// The tool: stop when upToDate; the token is stored with an _id of its own.
async function likeTool(server) {
  let stored = { format: "1.1" };
  for (;;) {
    const { _id, ...token } = stored;
    const { collections, syncToken, upToDate, resetData } = await server.call(token, { shortPagesForTest: true, compressCollections: false });
    calls++;
    if (resetData) {
      resets++;
      for (const name of five) db[name].clear();
    }
    store(collections);
    stored = { _id: "1", ...syncToken };
    if (upToDate) return;
    assert.ok(calls < 1000, "it does not end");
  }
}

// peerlibrary:meteor-packages: begin with the document of defaults, pass one
// argument, stop when no member of the token changes.
async function likePeer(server) {
  await server.subscribe("defaults");
  await server.subscribe("changes");
  const counts = server.documents("changes");
  assert.deepEqual(counts.map((d) => d.collection).sort(), [...five].sort());
  assert.ok(counts.every((d) => Number.isInteger(d.changes)));
  const defaults = server.documents("defaults");
  assert.equal(defaults.length, 1);
  let token = defaults[0].syncToken;
  for (;;) {
    const result = await server.call(token);
    calls++;
    store(result.collections);
    const next = result.syncToken;
    const names = new Set([...Object.keys(token), ...Object.keys(next)]);
    const changed = [...names].some((name) => token[name] !== next[name]);
    token = next;
    if (!changed) return;
    assert.ok(calls < 1000, "it does not end");
  }
}

const server = await open();
await { tool: likeTool, peer: likePeer }[manner](server);
for (const name of five) {
  for (const record of db[name].values()) assert.ok(record.lastUpdated instanceof Date, `${name} ${record._id} has no date`);
}
const plain = Object.fromEntries(five.map((name) => [name, [...db[name].values()].map((r) => ({ ...r, lastUpdated: r.lastUpdated.getTime() }))]));
console.log(JSON.stringify({ calls, resets, collections: plain }));
server.close();
process.exit(0);
