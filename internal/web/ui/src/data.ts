// What the server gives the script to draw, and a checker: a chart of data
// that is not what we think it is would be worse than the server's drawing.

export type Point = {
  name: string;
  value?: number;
  text: string;
  gap?: true;
  open?: true;
  from?: string;
  to?: string;
};
export type Mark = { at: number; label: string; last?: true; kind: "rules" | "upload" };
export type Layer = { name: string; color: number; values: number[]; url?: string };
export type Slice = { label: string; value: number; text: string; color: number; url?: string };

export type Bars = { kind: "bars"; points: Point[]; marks: Mark[] };
export type Stack = { kind: "stack"; points: Point[]; marks: Mark[]; layers: Layer[]; group: string };
export type Ring = { kind: "ring"; slices: Slice[] };
export type Chart = Bars | Stack | Ring;

/** Data has its charts unchecked: one that is wrong does not take the others along. */
export type Data = { measure: string; charts: ReadonlyMap<string, unknown> };

type Fields = Record<string, unknown>;

function wrong(where: string, want: string, value: unknown): never {
  let found: string = typeof value;
  if (value === null || Array.isArray(value)) {
    found = value === null ? "null" : "an array";
  } else if (typeof value === "number" || typeof value === "string") {
    found = JSON.stringify(value).slice(0, 60);
  }
  throw new Error(`${where} is ${found}, want ${want}`);
}

function fields(where: string, value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    wrong(where, "an object", value);
  }
  return value as Fields;
}

/** list takes what is absent as empty: the server leaves empty lists out. */
function list<T>(where: string, value: unknown, check: (where: string, value: unknown) => T): T[] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value)) {
    wrong(where, "an array", value);
  }
  return value.map((each: unknown, i) => check(`${where}[${i}]`, each));
}

function text(where: string, value: unknown): string {
  return typeof value === "string" ? value : wrong(where, "text", value);
}

function amount(where: string, value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : wrong(where, "a number from 0 on", value);
}

function whole(where: string, value: unknown): number {
  return Number.isInteger(value) ? amount(where, value) : wrong(where, "a whole number from 0 on", value);
}

function day(where: string, value: unknown): string {
  const d = text(where, value);
  return /^\d{4}-\d\d-\d\d$/.test(d) ? d : wrong(where, "a day like 2026-03-07", value);
}

/** maybe returns the field alone in an object, or none where it is absent. */
function maybe<K extends string, T>(where: string, f: Fields, key: K, check: (where: string, value: unknown) => T): Partial<Record<K, T>> {
  return f[key] === undefined ? {} : ({ [key]: check(`${where}.${key}`, f[key]) } as Record<K, T>);
}

function flag(where: string, value: unknown): true | undefined {
  return typeof value === "boolean" ? value || undefined : wrong(where, "true or absent", value);
}

function set<K extends string>(where: string, f: Fields, key: K): Partial<Record<K, true>> {
  return f[key] !== undefined && flag(`${where}.${key}`, f[key]) ? ({ [key]: true } as Record<K, true>) : {};
}

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
    kind: kind === "rules" || kind === "upload" ? kind : wrong(`${where}.kind`, `"rules" or "upload"`, kind),
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
    case "ring":
      return { kind: "ring", slices: list(`${where}.slices`, f["slices"], slice) };
    default:
      return wrong(`${where}.kind`, `"bars", "stack" or "ring"`, f["kind"]);
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
