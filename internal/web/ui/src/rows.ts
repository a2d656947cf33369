// Rows of events: what the server writes for those that were there before.
import type { Shown } from "./feed";

/** note says what an event is that is no download, as the server does. */
export function note(e: Shown): string {
  if (e.counts === "download") {
    return "";
  }
  if (e.op !== "get" && e.op !== "head") {
    return e.op;
  }
  if (e.counts === "hit" && e.kind !== "primary") {
    return e.kind;
  }
  return e.op === "head" ? "only looked at" : `status ${e.status}`;
}

/** nameOf returns the namespace and name in a purl as plain text. */
export function nameOf(purl: string): string {
  const name = purl.slice(purl.indexOf("/") + 1);
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** link returns the address of a page about some values of an event. */
export function link(base: string, e: Shown, path: string, values: Record<string, string>): string {
  const hits: Record<string, string> = e.counts === "download" ? {} : { measure: "hits" };
  return `${base}${path}?${new URLSearchParams({ days: "30", ...hits, ...values }).toString()}`;
}

type Cell = { text: string; url?: string; plain?: boolean; title?: string };

function anchor({ text, url, plain, title }: Cell): Node {
  if (text === "" || url === undefined) {
    return document.createTextNode(text);
  }
  const a = document.createElement("a");
  a.textContent = text;
  a.setAttribute("href", url);
  if (!plain) {
    a.className = "name";
    a.dir = "auto";
  }
  if (title !== undefined) {
    a.title = title;
  }
  return a;
}

function cell(content: Cell): HTMLTableCellElement {
  const td = document.createElement("td");
  td.append(anchor(content));
  return td;
}

/** rowOf makes a row like those that the server has made, of text only. */
export function rowOf(e: Shown, base: string, classes: Record<string, string>): HTMLTableRowElement {
  const row = document.createElement("tr");
  row.className = "fresh";
  const at = cell({ text: "" });
  at.className = "day-of";
  const time = document.createElement("time");
  time.dateTime = e.time;
  time.textContent = e.time.slice(0, 19).replace("T", " ");
  at.append(time);
  const head = document.createElement("th");
  head.scope = "row";
  const about = document.createElement("span");
  about.className = "label";
  about.textContent = [e.type, note(e)].filter((s) => s !== "").join(", ");
  head.append(anchor({ text: nameOf(e.package), url: link(base, e, "/stats/package", { package: e.package }), title: e.file }), " ", about);
  const to = (name: string, value: string) => link(base, e, "/stats", { [name]: value });
  row.append(
    at,
    head,
    cell({ text: e.version, url: link(base, e, "/stats", { package: e.package, version: e.version }) }),
    cell({ text: e.client, url: to("client", e.client) }),
    cell({ text: classes[e.class] ?? e.class, url: to("class", e.class), plain: true }),
    cell({ text: e.country, url: to("country", e.country), plain: true }),
    cell({ text: e.repository, url: to("repository", e.repository) }),
  );
  return row;
}
