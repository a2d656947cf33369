// Puts a chart into the place of the server's drawing, which stays for print,
// and for when the chart fails.
import { BarChart, LineChart, PieChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent } from "echarts/components";
import { type EChartsType, init, use } from "echarts/core";
import { SVGRenderer } from "echarts/renderers";

import type { Look, Option } from "./charts/frame";
import { currentColours } from "./colours";
import { report } from "./report";

use([BarChart, LineChart, PieChart, GridComponent, MarkLineComponent, MarkPointComponent, TooltipComponent, SVGRenderer]);

const dark = "(prefers-color-scheme: dark)";
const calm = "(prefers-reduced-motion: reduce)";

export type Drawing = {
  name: string;
  place: HTMLElement;
  live: HTMLElement;
  chart: EChartsType;
  option: (look: Look) => Option;
  look: () => Look;
  redraw: () => void;
  /** tasks run after the chart was drawn again, or has another size. */
  after: (() => void)[];
};

export function lookOf(measure: string): Look {
  return { colours: currentColours(), measure, still: matchMedia(calm).matches };
}

/** paint draws now, so that what fails, fails here. */
export function paint(chart: EChartsType, option: Option): void {
  chart.setOption(option, true);
  chart.getZr().flush();
}

/** draw returns nothing where the chart failed: the server's drawing is still there. */
export function draw(place: HTMLElement, name: string, measure: string, option: (look: Look) => Option): Drawing | undefined {
  const server = place.querySelector("svg");
  const live = document.createElement("div");
  live.className = "live";
  live.style.outlineColor = "var(--bar)"; // where it can be focused
  live.setAttribute("role", "img");
  live.setAttribute("aria-label", server?.getAttribute("aria-label") ?? name);
  place.append(live);
  place.classList.add("drawn"); // gives it its size
  const look = () => lookOf(measure);
  const after: (() => void)[] = [];
  let chart: EChartsType | undefined;
  let sizes: ResizeObserver | undefined;

  const fail = (err: unknown) => {
    report(`chart ${name}`, err);
    sizes?.disconnect();
    try {
      chart?.dispose();
    } catch (again) {
      report(`end of chart ${name}`, again);
    }
    live.remove();
    place.classList.remove("drawn");
    server?.classList.remove("plain");
  };
  const guarded = (task: () => void) => () => {
    if (!live.isConnected) {
      return; // it failed before
    }
    try {
      task();
      after.forEach((each) => {
        each();
      });
    } catch (err) {
      fail(err);
    }
  };

  try {
    const drawn = init(live, null, { renderer: "svg" });
    chart = drawn;
    paint(drawn, option(look()));
    const redraw = guarded(() => {
      paint(drawn, option(look()));
    });
    const resize = guarded(() => {
      if (live.clientWidth > 0) {
        drawn.resize(); // not while it is hidden, for print or for the table
      }
    });
    sizes = new ResizeObserver(resize);
    sizes.observe(live);
    matchMedia(dark).addEventListener("change", redraw);
    matchMedia(calm).addEventListener("change", redraw);
    server?.classList.add("plain");
    return { name, place, live, chart: drawn, option, look, redraw, after };
  } catch (err) {
    fail(err);
    return undefined;
  }
}

/** visit goes to a link that the server gave, and nowhere else. */
export function visit(url: string): void {
  const to = new URL(url, location.href);
  if (to.origin === location.origin) {
    location.assign(to);
  }
}

/** onClick calls back with the series and the point that were clicked. */
export function onClick(drawing: Drawing, clicked: (seriesId: string, at: number) => void): void {
  drawing.chart.on("click", (event) => {
    if (event.componentType === "series" && event.seriesId !== undefined) {
      clicked(event.seriesId, event.dataIndex);
    }
  });
}
