// What a search answers, checked, and what of it is shown where.
import { amount, fields, list, text } from "./check";

export type Hit = { key: string; downloads: number; hits: number; days: (number | null)[] };
export type Group = { by: string; items: Hit[] };

const titles: Readonly<Record<string, string>> = { package: "Packages", file: "Files", repository: "Repositories", client: "Clients" };

function hit(where: string, value: unknown): Hit {
  const f = fields(where, value);
  return {
    key: text(`${where}.key`, f["key"]),
    downloads: amount(`${where}.downloads`, f["downloads"]),
    hits: amount(`${where}.hits`, f["hits"]),
    days: list(`${where}.days`, f["days"], (at, v) => (v === null ? null : amount(at, v))),
  };
}

/** checkFound returns the groups that have hits, or throws an error. */
export function checkFound(value: unknown): Group[] {
  const groups = list("groups", fields("answer", value)["groups"], (where, v) => {
    const f = fields(where, v);
    return { by: text(`${where}.by`, f["by"]), items: list(`${where}.items`, f["items"], hit) };
  });
  return groups.filter((g) => g.items.length > 0 && titles[g.by] !== undefined);
}

export function titleOf(by: string): string {
  return titles[by] ?? by;
}

/** nameOf is a key as a reader wants it: a package without escapes. */
export function nameOf(by: string, key: string): string {
  if (by !== "package") {
    return key === "" ? "(none)" : key;
  }
  const [type = "", ...rest] = key.replace(/^pkg:/, "").split("/");
  return `${type}/${unescaped(rest.join("/"))}`;
}

function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** urlOf returns where a hit leads: what was never downloaded is shown by hits. */
export function urlOf(base: string, by: string, { key, downloads }: Hit): string {
  const query = new URLSearchParams({ [by]: key });
  if (by === "package") {
    return `${base}/stats/package?${query.toString()}`;
  }
  if (downloads === 0) {
    query.set("measure", "hits");
  }
  return `${base}/stats?${query.toString()}`;
}

/** wordsOf returns the words of a search as names of any kind may have them. */
export function wordsOf(asked: string): string[][] {
  const words = new Set<string>();
  for (const given of asked.split(/\s+/)) {
    let word = given;
    if (/^pkg:/i.test(word)) {
      word = word.slice(4).replace(/[?#].*$/, "");
      const at = word.lastIndexOf("@");
      word = at > word.lastIndexOf("/") + 1 ? word.slice(0, at) : word;
    }
    for (const each of [word, word.replaceAll(":", "/")]) {
      words.add(unescaped(each));
    }
  }
  words.delete("");
  return [...words].map(fold);
}

/** fold lowers each sign by itself, so that places stay what they are. */
function fold(name: string): string[] {
  return Array.from(name, (sign) => sign.toLowerCase());
}

export type Passage = { text: string; hit: boolean };

/** passages cuts a name where words are in it. */
export function passages(name: string, words: readonly string[][]): Passage[] {
  const signs = Array.from(name);
  const folded = fold(name);
  const hits = signs.map(() => false);
  for (const word of words) {
    for (let i = 0; i + word.length <= folded.length; i++) {
      if (word.every((sign, j) => folded[i + j] === sign)) {
        hits.fill(true, i, i + word.length);
      }
    }
  }
  const all: Passage[] = [];
  signs.forEach((sign, i) => {
    const last = all.at(-1);
    if (last && last.hit === hits[i]) {
      last.text += sign;
    } else {
      all.push({ text: sign, hit: hits[i] ?? false });
    }
  });
  return all;
}

/** sparkPath draws days in 100 by 20: a line that is broken where no source reported. */
export function sparkPath(days: readonly (number | null)[]): string {
  const most = Math.max(1, ...days.map((d) => d ?? 0));
  const step = 100 / Math.max(1, days.length - 1);
  let drawn = false;
  return days
    .map((d, i) => {
      if (d === null) {
        drawn = false;
        return "";
      }
      const at = `${(i * step).toFixed(1)} ${(19 - (d * 18) / most).toFixed(1)}`;
      const part = drawn ? `L${at}` : `M${at}h0`;
      drawn = true;
      return part;
    })
    .join("");
}
