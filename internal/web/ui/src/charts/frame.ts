// What all charts share: fonts, tooltips, and for bars and stacks the axes.
// Nothing here draws; options are plain values.
import type { BarSeriesOption, LineSeriesOption, PieSeriesOption } from "echarts/charts";
import type { GridComponentOption, MarkLineComponentOption, MarkPointComponentOption, TooltipComponentOption } from "echarts/components";
import type { ComposeOption } from "echarts/core";

import type { Colours } from "../colours";
import type { Mark, Point } from "../data";
import { axisName } from "../numbers";

export type Option = ComposeOption<BarSeriesOption | LineSeriesOption | PieSeriesOption | GridComponentOption | MarkLineComponentOption | MarkPointComponentOption | TooltipComponentOption>;

/** Look is what a drawing depends on besides its data. */
export type Look = { colours: Colours; measure: string; still: boolean };

export const font = "system-ui, sans-serif";
export const noSource = "no source reported";

/** plain keeps text of a tooltip from being read as "{style|text}" by ECharts. */
export function plain(text: string): string {
  return text.replace(/\{(?=\w+\|)/g, "{\u2060");
}

/** isolated keeps a name of another script from reordering what stands beside it. */
export function isolated(name: string): string {
  return /^[\x20-\x7e]*$/.test(name) ? name : `\u2068${name}\u2069`;
}

/** open is how a point looks that is not over yet: hatched, as the server draws it. */
export function open(colours: Colours) {
  return { decal: { symbol: "rect", color: colours.hatch, dashArrayX: [1, 0], dashArrayY: [3, 3], rotation: -Math.PI / 4 } };
}

/** indexOf returns the point that a tooltip is about: ECharts gives a list for an axis. */
export function indexOf(at: unknown): number {
  const first: unknown = Array.isArray(at) ? at[0] : at;
  const index = typeof first === "object" && first !== null && "dataIndex" in first ? first.dataIndex : undefined;
  return typeof index === "number" ? index : -1;
}

export function base({ colours, still }: Look): Omit<Option, "tooltip"> & { tooltip: TooltipComponentOption } {
  return {
    animation: !still,
    animationDuration: 300,
    textStyle: { fontFamily: font, color: colours.soft },
    tooltip: {
      renderMode: "richText", // a tooltip of HTML would need styles that the policy forbids
      confine: true,
      backgroundColor: colours.card,
      borderColor: colours.line,
      textStyle: { color: colours.ink, fontSize: 13 },
    },
  };
}

/** told are the lines of a tooltip that marks add to a point. */
function told(marks: readonly Mark[], at: number): string[] {
  return marks.filter((m) => m.at === at && m.label !== "").map((m) => (m.kind === "rules" ? `${m.label} from here on` : `${m.kind === "upload" ? "uploaded" : "deleted"}: ${isolated(m.label)}`));
}

/** markLine has a line for each change of the rules. */
function markLine(marks: readonly Mark[], colours: Colours): NonNullable<BarSeriesOption["markLine"]> {
  return {
    silent: true,
    symbol: "none",
    animation: false,
    lineStyle: { color: colours.ink, type: [4, 3], width: 1 },
    data: rulesOf(marks).map((m) => ({
      xAxis: m.at,
      label: {
        show: m.label !== "",
        formatter: () => m.label, // a function: text would be a template
        position: "end",
        align: m.last ? "right" : "center",
        color: colours.soft,
        fontSize: 12,
      },
    })),
  };
}

function rulesOf(marks: readonly Mark[]): Mark[] {
  return marks.filter((m) => m.kind === "rules");
}

/** cross is how deletions are marked, as the server draws it. */
const cross = "path://M3.5 2.5L6 0L7 1L4.5 3.5L7 6L6 7L3.5 4.5L1 7L0 6L2.5 3.5L0 1L1 0Z";
const besideBy = 5; // two signs of one point give way to each other

/** below reports whether a mark stands below the axis. */
function below(mark: Mark): boolean {
  return mark.kind !== "rules";
}

/** markPoint has a small sign below the axis for each upload and deletion; its name is in the tooltip. */
function markPoint(marks: readonly Mark[], colours: Colours): NonNullable<BarSeriesOption["markPoint"]> {
  return {
    silent: true,
    animation: false,
    itemStyle: { color: colours.soft },
    label: { show: false },
    data: marks.filter(below).map((m) => {
      const aside = marks.some((other) => below(other) && other.at === m.at && other.kind !== m.kind) ? besideBy : 0;
      const common = { name: m.label, coord: [m.at, 0] };
      return m.kind === "upload" ? { ...common, symbol: "triangle", symbolSize: [8, 7], symbolOffset: [-aside, 4] } : { ...common, symbol: cross, symbolSize: [7, 7], symbolOffset: [aside, 4] };
    }),
  };
}

/** gaps fills the points of which nothing is known: that is not zero. */
function gaps(points: readonly Point[], marks: readonly Mark[], colours: Colours): BarSeriesOption {
  return {
    type: "bar",
    id: "gaps",
    name: noSource,
    yAxisIndex: 1,
    barGap: "-100%",
    silent: true,
    itemStyle: { color: colours.gap },
    emphasis: { disabled: true },
    data: points.map((p) => (p.gap ? 1 : null)),
    markLine: markLine(marks, colours),
    markPoint: markPoint(marks, colours),
  };
}

/** columns are the axes of bars, stacks and lines, with the given series on them. */
export function columns(
  chart: { points: readonly Point[]; marks: readonly Mark[] },
  look: Look,
  series: (BarSeriesOption | LineSeriesOption)[],
  lines: (point: Point, at: number) => string[],
  scale: { max?: number; interval?: number; minInterval?: number; log?: true; name: (n: number) => string },
): Option {
  const { points, marks } = chart;
  const { colours } = look;
  const common = base(look);
  const { name, log, ...bounds } = scale;
  const labels = { axisLabel: { color: colours.soft, formatter: name }, splitLine: { lineStyle: { color: colours.line } } };
  return {
    ...common,
    grid: { left: 4, right: 8, top: rulesOf(marks).length > 0 ? 26 : 12, bottom: 6, outerBoundsMode: "same" },
    tooltip: {
      ...common.tooltip,
      trigger: "axis",
      axisPointer: { type: "shadow", shadowStyle: { color: colours.hover } },
      formatter: (over: unknown) => {
        const at = indexOf(over);
        const point = points[at];
        return point ? plain([point.name, ...lines(point, at), ...told(marks, at)].join("\n")) : "";
      },
    },
    xAxis: {
      type: "category",
      data: points.map((p) => p.name),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: colours.line } },
      axisLabel: { color: colours.soft, hideOverlap: true, formatter: axisName, margin: marks.some(below) ? 14 : 8 },
    },
    yAxis: [
      log ? { type: "log", logBase: 10, ...labels } : { type: "value", splitNumber: 4, ...bounds, ...labels },
      { type: "value", min: 0, max: 1, show: false },
    ],
    series: [...series, gaps(points, marks, colours)],
  };
}
