// The days once more, each cut by something: class of clients, version, …
import type { Layer, Point, Stack } from "../data";
import { count, percent, short } from "../numbers";
import { columns, isolated, type Look, noSource, open, type Option } from "./frame";

/** View is what the reader chose of a stack. */
export type View = { hidden: ReadonlySet<string>; shares: boolean };

export function shown(chart: Stack, view: View): Layer[] {
  return chart.layers.filter((l) => !view.hidden.has(l.name));
}

/** sumAt is what the layers have together at a point. */
function sumAt(layers: readonly Layer[], at: number): number {
  return layers.reduce((sum, l) => sum + (l.values[at] ?? 0), 0);
}

/** valuesOf returns what is drawn of each layer: nothing for a gap, shares of what is shown where they are wanted. */
export function valuesOf(chart: Stack, view: View): (number | null)[][] {
  const layers = shown(chart, view);
  return layers.map((l) =>
    chart.points.map((p, at) => {
      const value = l.values[at];
      if (p.gap || value === undefined) {
        return null;
      }
      const sum = view.shares ? sumAt(layers, at) : 1;
      return sum > 0 ? value / sum : null;
    }),
  );
}

/** linesAt is what a tooltip says of a point, the topmost layer first. */
function linesAt(chart: Stack, view: View, p: Point, at: number): string[] {
  if (p.gap) {
    return [noSource];
  }
  const layers = shown(chart, view);
  const sum = sumAt(layers, at);
  const lines = layers.map((l) => {
    const value = l.values[at] ?? 0;
    return `${isolated(l.name)}: ${count(value)}${view.shares && sum > 0 ? ` (${percent(value / sum)})` : ""}`;
  });
  lines.reverse();
  if (lines.length === 0) {
    lines.push(`all ${chart.group} are switched off`);
  } else if (layers.some((l) => l.url !== undefined)) {
    lines.push("click on a colour to see it alone");
  }
  return p.open ? [...lines, "not over yet"] : lines;
}

export function stack(chart: Stack, look: Look, view: View): Option {
  const values = valuesOf(chart, view);
  return columns(
    chart,
    look,
    shown(chart, view).map((l, i) => ({
      type: "bar",
      id: `layer ${chart.layers.indexOf(l)}`,
      name: l.name,
      stack: "layers",
      cursor: l.url === undefined ? "default" : "pointer",
      barCategoryGap: "18%",
      itemStyle: { color: look.colours.hue(l.color) },
      emphasis: { disabled: true },
      data: chart.points.map((p, at) => {
        const value = values[i]?.[at] ?? null;
        return value === null ? null : { value, itemStyle: p.open ? open(look.colours) : {} };
      }),
    })),
    (p, at) => linesAt(chart, view, p, at),
    view.shares ? { max: 1, interval: 0.25, name: percent } : { minInterval: 1, name: short },
  );
}
