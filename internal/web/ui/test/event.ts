import type { Shown } from "../src/feed";

export const event: Shown = {
  time: "2026-03-10T12:00:00Z", repository: "releases", type: "npm", package: "pkg:npm/%40acme/app", version: "1.0", file: "app-1.0.tgz", kind: "primary",
  client: "npm", class: "ci", country: "", op: "get", status: 200, counts: "download",
};
