// Several packages over the same points, each a line of its own colour and dash.
import type { BarSeriesOption, LineSeriesOption } from "echarts/charts";

import type { Line, Lines } from "../data";
import { count, short } from "../numbers";
import { columns, isolated, type Look, noSource, type Option } from "./frame";

/** dashes tell lines apart for those who do not see their colours, as the style sheet does. */
export const dashes: readonly (number[] | "solid")[] = ["solid", [9, 5], [0.1, 5], [9, 5, 0.1, 5], [4, 5], [16, 6], [9, 5, 0.1, 5, 0.1, 5], [16, 5, 4, 5]];

/** View is what the reader chose of the lines. */
export type View = { hidden: ReadonlySet<string> };

export function shownLines(chart: Lines, view: View): Line[] {
  return chart.lines.filter((l) => !view.hidden.has(l.name));
}

/** decimals writes as many digits behind the point as say something. */
export function decimals(n: number): string {
  if (Number.isInteger(n)) {
    return count(n);
  }
  const digits = [100, 10, 0.1, 0.01].filter((below) => n < below).length;
  return digits === 0 ? count(Math.round(n)) : n.toFixed(digits);
}

/** scaleName writes a value of the axis. */
export function scaleName(scale: Lines["scale"], n: number): string {
  if (scale === "share" || scale === "index") {
    return scale === "share" ? `${decimals(n)}\u202f%` : decimals(n);
  }
  return Number.isInteger(n) ? short(n) : decimals(n);
}

/** linesAt is what a tooltip says of a point, the largest first. */
export function linesAt(chart: Lines, view: View, at: number): string[] {
  const p = chart.points[at];
  if (!p || p.gap) {
    return [noSource];
  }
  const shown = shownLines(chart, view);
  const value = (l: Line) => l.values[at] ?? -1;
  const lines = [...shown]
    .sort((a, b) => value(b) - value(a))
    .map((l) => {
      const drawn = l.values[at] ?? null;
      const more = (chart.scale === "index" || chart.scale === "share") && drawn !== null ? ` (${scaleName(chart.scale, drawn)})` : "";
      return `${isolated(l.name)}: ${count(l.counts[at] ?? 0)}${more}`;
    });
  if (lines.length === 0) {
    lines.push("all packages are switched off");
  }
  return p.open ? [...lines, "not over yet"] : lines;
}

export function lines(chart: Lines, look: Look, view: View): Option {
  const series = shownLines(chart, view).map((l): LineSeriesOption => {
    const place = chart.lines.indexOf(l);
    const color = look.colours.hue(l.color);
    return {
      type: "line",
      id: `line ${place}`,
      name: l.name,
      showAllSymbol: true,
      symbol: "circle",
      // A point between two breaks has no line: it is a dot.
      symbolSize: (_: unknown, at) => {
        const i = (at as { dataIndex: number }).dataIndex;
        return (l.values[i - 1] ?? null) === null && (l.values[i + 1] ?? null) === null ? 5 : 0;
      },
      lineStyle: { color, width: 2.2, type: dashes[place] ?? "solid", cap: "round" },
      itemStyle: { color },
      emphasis: { disabled: true },
      data: l.values.map((v) => v ?? "-"),
    };
  });
  const open: BarSeriesOption = {
    type: "bar",
    id: "open",
    yAxisIndex: 1,
    barCategoryGap: "0%",
    silent: true,
    itemStyle: { color: look.colours.hover },
    data: chart.points.map((p) => (p.open && !p.gap ? 1 : null)),
  };
  const name = (n: number) => scaleName(chart.scale, n);
  return columns(chart, look, [open, ...series], (_, at) => linesAt(chart, view, at), chart.scale === "log" ? { log: true, name } : { name, ...(chart.scale === "linear" ? { minInterval: 1 } : {}) });
}
