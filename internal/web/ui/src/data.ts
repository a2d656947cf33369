// What the server gives the script to draw, and a checker: a chart of data
// that is not what we think it is would be worse than the server's drawing.

import { amount, day, type Fields, fields, list, maybe, set, text, whole, wrong } from "./check";

export type Point = {
  name: string;
  value?: number;
  text: string;
  gap?: true;
  open?: true;
  from?: string;
  to?: string;
};
export type Mark = { at: number; label: string; last?: true; kind: "rules" | "upload" | "deletion" };
export type Layer = { name: string; color: number; values: number[]; url?: string };
export type Line = { name: string; color: number; values: (number | null)[]; counts: number[] };
export type Slice = { label: string; value: number; text: string; color: number; url?: string };

export type Bars = { kind: "bars"; points: Point[]; marks: Mark[] };
export type Stack = { kind: "stack"; points: Point[]; marks: Mark[]; layers: Layer[]; group: string };
export type Lines = { kind: "lines"; points: Point[]; marks: Mark[]; lines: Line[]; scale: "linear" | "log" | "index" | "share" };
export type Ring = { kind: "ring"; slices: Slice[] };
export type Chart = Bars | Stack | Lines | Ring;

/** Data has its charts unchecked: one that is wrong does not take the others along. */
export type Data = { measure: string; charts: ReadonlyMap<string, unknown> };

function point(where: string, value: unknown): Point {
  const f = fields(where, value);
  return {
    name: text(`${where}.name`, f["name"]),
    text: text(`${where}.text`, f["text"]),
    ...maybe(where, f, "value", amount),
    ...set(where, f, "gap"),
    ...set(where, f, "open"),
    ...maybe(where, f, "from", day),
    ...maybe(where, f, "to", day),
  };
}

function mark(where: string, value: unknown): Mark {
  const f = fields(where, value);
  const kind = f["kind"];
  return {
    at: whole(`${where}.at`, f["at"]),
    label: text(`${where}.label`, f["label"]),
    kind: kind === "rules" || kind === "upload" || kind === "deletion" ? kind : wrong(`${where}.kind`, `"rules", "upload" or "deletion"`, kind),
    ...set(where, f, "last"),
  };
}

function layer(where: string, value: unknown): Layer {
  const f = fields(where, value);
  return {
    name: text(`${where}.name`, f["name"]),
    color: whole(`${where}.color`, f["color"]),
    values: list(`${where}.values`, f["values"], amount),
    ...maybe(where, f, "url", text),
  };
}

function line(where: string, value: unknown): Line {
  const f = fields(where, value);
  return {
    name: text(`${where}.name`, f["name"]),
    color: whole(`${where}.color`, f["color"]),
    values: list(`${where}.values`, f["values"], (at, v) => (v === null ? null : amount(at, v))),
    counts: list(`${where}.counts`, f["counts"], amount),
  };
}

function slice(where: string, value: unknown): Slice {
  const f = fields(where, value);
  return {
    label: text(`${where}.label`, f["label"]),
    value: amount(`${where}.value`, f["value"]),
    text: text(`${where}.text`, f["text"]),
    color: whole(`${where}.color`, f["color"]),
    ...maybe(where, f, "url", text),
  };
}

/** series reads the points, and the marks, which have to stand at some of them. */
function series(where: string, f: Fields): { points: Point[]; marks: Mark[] } {
  const points = list(`${where}.points`, f["points"], point);
  const marks = list(`${where}.marks`, f["marks"], mark);
  marks.forEach((m, i) => {
    if (m.at >= points.length) {
      wrong(`${where}.marks[${i}].at`, `less than ${points.length}, the number of points`, m.at);
    }
  });
  return { points, marks };
}

/** checkChart returns a chart, or throws an error that says what is wrong with it. */
export function checkChart(name: string, value: unknown): Chart {
  const where = `charts.${name}`;
  const f = fields(where, value);
  switch (f["kind"]) {
    case "bars": {
      const { points, marks } = series(where, f);
      points.forEach((p, i) => {
        if (!p.gap && p.value === undefined) {
          wrong(`${where}.points[${i}].value`, "a number, or a gap: what is missing is not zero", p.value);
        }
      });
      return { kind: "bars", points, marks };
    }
    case "stack": {
      const { points, marks } = series(where, f);
      const layers = list(`${where}.layers`, f["layers"], layer);
      layers.forEach((l, i) => {
        if (l.values.length !== points.length) {
          wrong(`${where}.layers[${i}].values.length`, `${points.length}, the number of points`, l.values.length);
        }
      });
      return { kind: "stack", points, marks, layers, group: text(`${where}.group`, f["group"]) };
    }
    case "lines": {
      const { points, marks } = series(where, f);
      const lines = list(`${where}.lines`, f["lines"], line);
      const scale = f["scale"];
      lines.forEach((l, i) => {
        if (l.values.length !== points.length || l.counts.length !== points.length) {
          wrong(`${where}.lines[${i}].values.length`, `${points.length}, the number of points`, l.values.length);
        }
        if (scale === "log" && l.values.includes(0)) {
          wrong(`${where}.lines[${i}].values`, "no zero: a logarithmic scale has none", 0);
        }
      });
      if (scale !== "linear" && scale !== "log" && scale !== "index" && scale !== "share") {
        return wrong(`${where}.scale`, `"linear", "log", "index" or "share"`, scale);
      }
      return { kind: "lines", points, marks, lines, scale };
    }
    case "ring":
      return { kind: "ring", slices: list(`${where}.slices`, f["slices"], slice) };
    default:
      return wrong(`${where}.kind`, `"bars", "stack", "lines" or "ring"`, f["kind"]);
  }
}

/** checkData returns the data of a page, its charts unchecked. */
export function checkData(value: unknown): Data {
  const f = fields("data", value);
  return {
    measure: text("data.measure", f["measure"]),
    charts: new Map(Object.entries(fields("data.charts", f["charts"]))),
  };
}
