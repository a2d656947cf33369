// Bundles the page script, and fails if it has grown too large for a page.
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const dist = "../static/dist";
const limit = 250 * 1024; // bytes, packed

const { metafile, outputFiles } = await build({
  entryPoints: ["src/main.ts"],
  bundle: true,
  write: false, // nothing is left behind by a build that fails
  minify: true,
  format: "iife",
  target: ["chrome109", "firefox115", "safari16"],
  legalComments: "none", // the licences travel in whole, beside the code
  banner: { js: "/* Contains Apache ECharts and others: see licenses.txt beside this file. */" },
  metafile: true,
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
});

// What was bundled says which licences have to go along.
const packages = new Set(Object.keys(metafile.inputs).flatMap((name) => name.match(/^node_modules\/((?:@[^/]+\/)?[^/]+)/)?.[1] ?? []));
const licenses = [];
for (const name of [...packages].sort()) {
  const { version, license } = JSON.parse(await readFile(`node_modules/${name}/package.json`, "utf8"));
  licenses.push(`${name} ${version} (${license})\n`);
  let found = 0;
  for (const file of ["NOTICE", "LICENSE", "LICENSE.txt"]) {
    const text = await readFile(`node_modules/${name}/${file}`, "utf8").catch(() => "");
    if (text !== "") {
      licenses.push(text);
      found++;
    }
  }
  if (found === 0) {
    console.error(`page script: ${name} comes without a licence`);
    process.exit(1);
  }
}
const text = outputFiles[0].contents;
const packed = gzipSync(text, { level: 6 }).length;
console.log(`page script: ${text.length} bytes, ${packed} packed (at most ${limit})`);
if (packed > limit) {
  console.error("page script: too large");
  process.exit(1);
}

await mkdir(dist, { recursive: true });
await writeFile(`${dist}/licenses.txt`, licenses.join("\n"));
await writeFile(`${dist}/stats.js`, text);
