// Shares of a whole. The table beside it says the same.
import type { Ring } from "../data";
import { base, indexOf, type Look, type Option, plain } from "./frame";

export function ring({ slices }: Ring, look: Look): Option {
  const { colours } = look;
  const common = base(look);
  return {
    ...common,
    tooltip: {
      ...common.tooltip,
      trigger: "item",
      formatter: (over: unknown) => {
        const slice = slices[indexOf(over)];
        return slice ? plain([slice.label, slice.text, ...(slice.url === undefined ? [] : ["click to see it alone"])].join("\n")) : "";
      },
    },
    series: [
      {
        type: "pie",
        id: "ring",
        radius: ["52%", "88%"],
        label: { show: false },
        labelLine: { show: false },
        emphasis: { scaleSize: 4 },
        itemStyle: { borderColor: colours.card, borderWidth: slices.length > 1 ? 1.5 : 0 },
        data: slices.map((s) => ({
          name: s.label,
          value: s.value,
          cursor: s.url === undefined ? "default" : "pointer",
          itemStyle: { color: colours.hue(s.color) },
        })),
      },
    ],
  };
}
