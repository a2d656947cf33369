// One bar a day, week or month.
import type { Bars } from "../data";
import { short } from "../numbers";
import { columns, type Look, open, type Option } from "./frame";

export function bars(chart: Bars, look: Look, clickable = false): Option {
  const { colours } = look;
  return columns(
    chart,
    look,
    [
      {
        type: "bar",
        id: "bars",
        name: look.measure,
        cursor: clickable ? "crosshair" : "default",
        barCategoryGap: "18%",
        barMinHeight: 1,
        itemStyle: { color: colours.bar, borderRadius: [2, 2, 0, 0] },
        emphasis: { disabled: true },
        data: chart.points.map((p) => (p.gap || p.value === undefined ? null : { value: p.value, itemStyle: p.open ? open(colours) : {} })),
      },
    ],
    (p) => p.text.split(", "),
    { minInterval: 1, name: short },
  );
}
