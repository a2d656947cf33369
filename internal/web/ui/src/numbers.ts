// Numbers and days, written as the tables write them.

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** count writes a number in groups of three digits. */
export function count(n: number): string {
  return String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

const units: readonly (readonly [from: number, unit: number, name: string])[] = [
  [1e12, 1e12, "T"],
  [1e9, 1e9, "G"],
  [1e6, 1e6, "M"],
  [1e4, 1e3, "k"],
];

/** short writes a number for a scale. */
export function short(n: number): string {
  for (const [from, unit, name] of units) {
    if (n >= from) {
      return `${Math.round((n / unit) * 10) / 10}\u202f${name}`;
    }
  }
  return count(n);
}

/** percent writes a share, which is at most 1. */
export function percent(share: number): string {
  const p = share * 100;
  return `${p > 0 && p < 1 ? "<\u202f1" : Math.round(p)}\u202f%`;
}

/** axisName shortens "2026-03-07", "week of 2026-03-02" and "2026-03". */
export function axisName(name: string): string {
  const found = /^(?:week of )?(\d{4})-(\d\d)(?:-(\d\d))?$/.exec(name);
  const month = months[Number(found?.[2]) - 1];
  if (!found || month === undefined) {
    return name;
  }
  return found[3] === undefined ? `${month} ${found[1] ?? ""}` : `${Number(found[3])} ${month}`;
}
