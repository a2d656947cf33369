// Bundles the page scripts, and fails if one has grown too large for a page.
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { basename } from "node:path";
import { gzipSync } from "node:zlib";

const dist = "../static/dist";
const scripts = {
  // bytes, packed
  stats: { entry: "src/main.ts", limit: 250 * 1024 }, // of pages that draw
  find: { entry: "src/find.ts", limit: 8 * 1024 }, // of every page
};

const made = await build({
  entryPoints: Object.fromEntries(Object.entries(scripts).map(([name, { entry }]) => [name, entry])),
  outdir: dist,
  bundle: true,
  write: false, // nothing is left behind by a build that fails
  minify: true,
  format: "iife",
  target: ["chrome109", "firefox115", "safari16"],
  legalComments: "none", // the licences travel in whole, beside the code
  banner: { js: "/* May contain Apache ECharts and others: see licenses.txt beside this file. */" },
  metafile: true,
  define: { "process.env.NODE_ENV": '"production"' },
  logLevel: "warning",
});
const { metafile } = made;

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
await mkdir(dist, { recursive: true });
const files = Object.entries(scripts).map(([name, { limit }]) => {
  const text = made.outputFiles.find((file) => basename(file.path) === `${name}.js`).contents;
  const packed = gzipSync(text, { level: 6 }).length;
  console.log(`page script ${name}: ${text.length} bytes, ${packed} packed (at most ${limit})`);
  if (packed > limit) {
    console.error(`page script ${name}: too large`);
    process.exit(1);
  }
  return [name, text];
});
await writeFile(`${dist}/licenses.txt`, licenses.join("\n"));
for (const [name, text] of files) {
  await writeFile(`${dist}/${name}.js`, text);
}
