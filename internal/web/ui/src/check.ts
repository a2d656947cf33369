// Small checks of what came as JSON: each returns what it was given, or throws
// an error that says where something else was found.

export type Fields = Record<string, unknown>;

export function wrong(where: string, want: string, value: unknown): never {
  let found: string = typeof value;
  if (value === null || Array.isArray(value)) {
    found = value === null ? "null" : "an array";
  } else if (typeof value === "number" || typeof value === "string") {
    found = JSON.stringify(value).slice(0, 60);
  }
  throw new Error(`${where} is ${found}, want ${want}`);
}

export function fields(where: string, value: unknown): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    wrong(where, "an object", value);
  }
  return value as Fields;
}

/** list takes what is absent as empty: the server leaves empty lists out. */
export function list<T>(where: string, value: unknown, check: (where: string, value: unknown) => T): T[] {
  if (value === undefined) {
    return [];
  }
  if (!Array.isArray(value)) {
    wrong(where, "an array", value);
  }
  return value.map((each: unknown, i) => check(`${where}[${i}]`, each));
}

export function text(where: string, value: unknown): string {
  return typeof value === "string" ? value : wrong(where, "text", value);
}

export function amount(where: string, value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) && value >= 0 ? value : wrong(where, "a number from 0 on", value);
}

export function whole(where: string, value: unknown): number {
  return Number.isInteger(value) ? amount(where, value) : wrong(where, "a whole number from 0 on", value);
}

export function day(where: string, value: unknown): string {
  const d = text(where, value);
  return /^\d{4}-\d\d-\d\d$/.test(d) ? d : wrong(where, "a day like 2026-03-07", value);
}

/** maybe returns the field alone in an object, or none where it is absent. */
export function maybe<K extends string, T>(where: string, f: Fields, key: K, check: (where: string, value: unknown) => T): Partial<Record<K, T>> {
  return f[key] === undefined ? {} : ({ [key]: check(`${where}.${key}`, f[key]) } as Record<K, T>);
}

function flag(where: string, value: unknown): true | undefined {
  return typeof value === "boolean" ? value || undefined : wrong(where, "true or absent", value);
}

export function set<K extends string>(where: string, f: Fields, key: K): Partial<Record<K, true>> {
  return f[key] !== undefined && flag(`${where}.${key}`, f[key]) ? ({ [key]: true } as Record<K, true>) : {};
}
