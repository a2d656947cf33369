// Publishes a version with a readme and a build in the steps of Meteor's tool,
// then syncs as somebody else and fetches all of it. Run where the clients of
// package ddp are installed, with this text as input. argv: port, library (ddp,
// simpleddp or ddpjs), name of a package, token.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import { gzipSync } from "node:zlib";
import DDPClient from "ddp";
import simpleDDP from "simpleddp";
import rawDDP from "ddp.js";
import WebSocket from "ws";
import { assert } from "./check.mjs";

const [port, library, name, token] = process.argv.slice(2);
const open = { ddp: openDDP, simpleddp: openSimple, ddpjs: openRaw }[library];

async function openDDP() {
  const client = new DDPClient({ host: "127.0.0.1", port: Number(port), autoReconnect: false, maintainCollections: true });
  await new Promise((ok, no) => client.connect((err) => (err ? no(err) : ok())));
  return {
    // Meteor's own client waits for the result and for "updated".
    call: (method, ...params) =>
      new Promise((ok, no) => {
        let answer;
        let updated = false;
        const both = () => answer && updated && (answer.err ? no(answer.err) : ok(answer.result));
        client.call(method, params, (err, result) => { answer = { err, result }; both(); }, () => { updated = true; both(); });
      }),
    subscribe: (name) => new Promise((ok, no) => client.subscribe(name, [], (err) => (err ? no(err) : ok()))),
    documents: (name) => Object.values(client.collections[name] ?? {}),
    close: () => client.close(),
    date: (value) => value.getTime(),
  };
}

async function openSimple() {
  const client = new simpleDDP({ endpoint: `ws://127.0.0.1:${port}/websocket`, SocketConstructor: WebSocket, reconnectInterval: 1e6 });
  await client.connect();
  return {
    call: (method, ...params) => client.call(method, ...params),
    subscribe: (name) => client.subscribe(name).ready(),
    documents: (name) => client.collection(name).fetch(),
    close: () => client.disconnect(),
    date: (value) => value.getTime(),
  };
}

// ddp.js has frames only, and dates as they are on the wire.
async function openRaw() {
  const client = new (rawDDP.default ?? rawDDP)({ endpoint: `ws://127.0.0.1:${port}/websocket`, SocketConstructor: WebSocket, autoReconnect: false });
  const documents = {};
  const waiting = new Map();
  client.on("added", ({ collection, id, fields }) => { (documents[collection] ??= []).push({ _id: id, ...fields }); });
  const answered = (id, part) => {
    const w = waiting.get(id);
    Object.assign(w.seen, part);
    if (w.seen.updated && "answer" in w.seen) w.seen.answer.error ? w.no(w.seen.answer.error) : w.ok(w.seen.answer.result);
  };
  client.on("result", (frame) => answered(frame.id, { answer: frame }));
  client.on("updated", (frame) => frame.methods.forEach((id) => answered(id, { updated: true })));
  await new Promise((ok) => client.on("connected", ok));
  return {
    call: (method, ...params) => new Promise((ok, no) => { waiting.set(client.method(method, params), { ok, no, seen: {} }); }),
    subscribe: (name) => new Promise((ok) => { const id = client.sub(name, []); client.on("ready", ({ subs }) => subs.includes(id) && ok()); }),
    documents: (name) => documents[name] ?? [],
    close: () => client.disconnect(),
    date: (value) => value.$date,
  };
}

// request is as plain as the tool's: no redirects, no encodings.
const request = (method, url, headers, body) =>
  new Promise((ok, no) => {
    const req = http.request(url, { method, headers }, (res) => {
      const chunks = [];
      res.on("data", (c) => chunks.push(c));
      res.on("end", () => ok({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }));
    });
    req.on("error", no);
    req.end(body);
  });

async function put(url, body) {
  const { status, body: text } = await request("PUT", url, {
    "Content-Length": body.length, "Content-Type": "application/octet-stream", "x-amz-acl": "public-read", "User-Agent": "Meteor/3.0.4 OS/linux",
  }, body);
  assert.ok(status < 300, `PUT: ${status} ${text}`);
}

const hash = (body) => createHash("sha256").update(body).digest("base64");
const emptyHash = hash("");

// syncAll returns all records, by collection.
async function syncAll() {
  const server = await open();
  const db = {};
  for (let syncToken = { format: "1.1" }, upToDate = false; !upToDate;) {
    const page = await server.call("syncNewPackageData", syncToken, { shortPagesForTest: true });
    assert.equal(page.resetData, false);
    for (const collection of ["packages", "versions", "builds", "releaseTracks", "releaseVersions"]) {
      for (const record of page.collections[collection]) (db[collection] ??= new Map()).set(record._id, record);
    }
    ({ syncToken, upToDate } = page);
  }
  server.close();
  return { db, date: server.date };
}

const parts = { source: gzipSync(randomBytes(300_000)), build: gzipSync(randomBytes(2_000_000)), readme: Buffer.from("# Hällo 😀\n") };
const release = { compilerVersion: "meteor/34", releaseName: null };

await syncAll();
const server = await open();
await server.subscribe("meteor.loginServiceConfiguration");
const [configuration] = server.documents("meteor_accounts_loginServiceConfiguration");
assert.equal(configuration.service, "meteor-developer");
assert.ok(configuration.clientId && !("secret" in configuration));

await assert.rejects(server.call("amIAuthorizedPackage", name), (e) => e.error === 401);
await assert.rejects(server.call("login", { resume: "wrong" }), (e) => e.error === 403);
const login = await server.call("login", { resume: token });
assert.equal(login.token, token);
assert.ok(login.id && server.date(login.tokenExpires) > Date.now());
assert.equal(await server.call("amIAuthorizedPackage", name), true);
await assert.rejects(server.call("amIAuthorizedPackage", "foreign"), (e) => e.error === 401 && /authorized maintainer/.test(e.reason));

const dependencies = { meteor: { constraint: "2.0.0", references: [{ arch: "os" }, { arch: "web.browser", weak: true }] }, "some.dotted:name": { constraint: null, references: [{ arch: "plugin" }] } };
const version = await server.call("createPackageVersion", {
  packageName: name, version: "1.2.3-rc.1", description: "Dœs 😀", longDescription: "", git: "", containsPlugins: true, debugOnly: false,
  exports: [{ name: "It", architectures: ["os", "web.browser"] }], dependencies, ...release,
});
await put(version.readmeUrl, parts.readme);
await put(version.uploadUrl, parts.source);
await server.call("publishPackageVersion", version.uploadToken, { tarballHash: hash(parts.source), treeHash: emptyHash, readmeHash: hash(parts.readme) });
const build = await server.call("createPackageBuild", { packageName: name, version: "1.2.3-rc.1", buildArchitectures: "os+web.browser+web.browser.legacy+web.cordova" });
await put(build.uploadUrl, parts.build);
await server.call("publishPackageBuild", build.uploadToken, hash(parts.build), emptyHash);
await assert.rejects(server.call("createPackageVersion", { packageName: name, version: "1.2.3-rc.1", description: "x" }), (e) => e.error === 409 && /publish-for-arch/.test(e.reason));
server.close();

const { db, date } = await syncAll();
const pkg = [...db.packages.values()].find((p) => p.name === name);
const versions = [...db.versions.values()].filter((v) => v.packageName === name);
assert.equal(versions.length, 1);
const [v] = versions;
const builds = [...db.builds.values()].filter((b) => b.versionId === v._id);
assert.equal(builds.length, 1);
assert.deepEqual(pkg.maintainers, [{ username: login.id, id: login.id }]);
assert.deepEqual(v.dependencies, dependencies);
assert.strictEqual(v.releaseName, null);
assert.equal(v.description, "Dœs 😀");
assert.ok(Math.abs(date(v.published) - Date.now()) < 60_000 && Math.abs(date(builds[0].buildPublished) - Date.now()) < 60_000);

const fetched = {};
for (const [part, { url }] of Object.entries({ source: v.source, build: builds[0].build, readme: v.readme })) {
  const { status, headers, body } = await request("GET", url, { "Accept-Encoding": "gzip" });
  assert.equal(status, 200);
  assert.equal(headers["content-encoding"], undefined);
  assert.equal(Number(headers["content-length"]), parts[part].length);
  assert.ok(body.equals(parts[part]), `${part} is another one`);
  fetched[part] = hash(body);
}
assert.deepEqual(fetched, { source: v.source.tarballHash, build: builds[0].build.tarballHash, readme: v.readme.hash });
console.log(JSON.stringify(fetched));
process.exit(0);
