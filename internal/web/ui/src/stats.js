// Draws what the page of counts already says in tables. Names come from
// outside: they reach the drawing as text of labels that the server has made
// harmless, and never the document.
import { init, use } from "echarts/core";
import { BarChart, PieChart } from "echarts/charts";
import { GridComponent, MarkLineComponent, TooltipComponent } from "echarts/components";
import { SVGRenderer } from "echarts/renderers";

use([BarChart, PieChart, GridComponent, MarkLineComponent, TooltipComponent, SVGRenderer]);

const data = JSON.parse(document.getElementById("data").textContent);
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

// count writes a number as the tables do.
function count(n) {
  return String(n).replace(/\B(?=(\d{3})+$)/g, "\u202f");
}

// short writes a number for a scale.
function short(n) {
  for (const [unit, name] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e4, "k"]]) {
    if (n >= unit) {
      const one = name === "k" ? 1e3 : unit;
      return String(Math.round((n / one) * 10) / 10) + "\u202f" + name;
    }
  }
  return count(n);
}

// axisName shortens "2026-03-07", "week of 2026-03-02" and "2026-03".
function axisName(name) {
  const [year, month, day] = name.replace("week of ", "").split("-");
  const m = months[Number(month) - 1];
  return day === undefined ? `${m} ${year}` : `${Number(day)} ${m}`;
}

// colour returns a colour of the style sheet, which knows light and dark.
function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim();
}

const still = matchMedia("(prefers-reduced-motion: reduce)").matches;

function common() {
  return {
    animation: !still,
    animationDuration: 300,
    textStyle: { fontFamily: "system-ui, sans-serif", color: colour("soft") },
    tooltip: {
      renderMode: "richText", // a tooltip of HTML would need styles that the policy forbids
      confine: true,
      backgroundColor: colour("card"),
      borderColor: colour("line"),
      textStyle: { color: colour("ink"), fontSize: 13 },
    },
  };
}

// marks are lines where the rules of counting changed.
function marks() {
  return {
    silent: true,
    symbol: "none",
    animation: false,
    lineStyle: { color: colour("ink"), type: [4, 3], width: 1 },
    data: data.marks.map((m) => ({
      xAxis: m.at,
      label: {
        show: m.label !== "",
        formatter: m.label,
        position: "end",
        align: m.last ? "right" : "center",
        color: colour("soft"),
        fontSize: 12,
      },
    })),
  };
}

function series() {
  const points = data.points;
  const base = common();
  return {
    ...base,
    grid: { left: 4, right: 8, top: data.marks.length > 0 ? 26 : 12, bottom: 6, outerBoundsMode: "same" },
    tooltip: {
      ...base.tooltip,
      trigger: "axis",
      axisPointer: { type: "shadow", shadowStyle: { color: colour("hover") } },
      formatter: (at) => {
        const p = points[at[0].dataIndex];
        return p.name + "\n" + p.text.replaceAll(", ", "\n");
      },
    },
    xAxis: {
      type: "category",
      data: points.map((p) => p.name),
      axisTick: { show: false },
      axisLine: { lineStyle: { color: colour("line") } },
      axisLabel: { color: colour("soft"), hideOverlap: true, formatter: axisName },
    },
    yAxis: [
      {
        type: "value",
        minInterval: 1,
        splitNumber: 4,
        axisLabel: { color: colour("soft"), formatter: short },
        splitLine: { lineStyle: { color: colour("line") } },
      },
      { type: "value", min: 0, max: 1, show: false },
    ],
    series: [
      {
        type: "bar",
        name: data.measure,
        barCategoryGap: "18%",
        barMinHeight: 1,
        itemStyle: { color: colour("bar"), borderRadius: [2, 2, 0, 0] },
        emphasis: { disabled: true },
        data: points.map((p) => {
          if (p.gap) {
            return null;
          }
          const open = { color: colour("today"), borderColor: colour("bar"), borderType: "dashed", borderWidth: 1 };
          return { value: p.value, itemStyle: p.open ? open : {} };
        }),
      },
      {
        // Where no source reported, nothing is known: not zero.
        type: "bar",
        name: "no source reported",
        yAxisIndex: 1,
        barGap: "-100%",
        silent: true,
        itemStyle: { color: colour("gap") },
        emphasis: { disabled: true },
        data: points.map((p) => (p.gap ? 1 : null)),
        markLine: marks(),
      },
    ],
  };
}

// hidden are the classes that the reader has switched off.
const hidden = new Set();

// classes draws the days once more, each cut by the class of the clients.
function classes() {
  const base = series();
  const [bars, gaps] = base.series;
  const shown = data.layers.filter((l) => !hidden.has(l.name));
  return {
    ...base,
    tooltip: {
      ...base.tooltip,
      formatter: (at) => {
        const i = at[0].dataIndex;
        const p = data.points[i];
        const lines = shown.map((l) => l.name + ": " + count(l.values[i])).reverse();
        return [p.name, ...(p.gap ? ["no source reported"] : lines), ...(p.open ? ["not over yet"] : [])].join("\n");
      },
    },
    series: [
      ...shown.map((l) => ({
        ...bars,
        name: l.name,
        stack: "classes",
        barMinHeight: 0,
        itemStyle: { color: colour("c" + l.color) },
        data: data.points.map((p, i) => (p.gap ? null : { value: l.values[i], itemStyle: p.open ? { opacity: 0.6 } : {} })),
      })),
      gaps,
    ],
  };
}

// toggles makes the legend switch classes off and on.
function toggles(place, redraw) {
  for (const item of place.parentElement.querySelectorAll("[data-layer]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toggle";
    button.setAttribute("aria-pressed", "true");
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => {
      const name = item.dataset.layer;
      if (!hidden.delete(name)) {
        hidden.add(name);
      }
      button.setAttribute("aria-pressed", String(!hidden.has(name)));
      redraw();
    });
  }
}

function pie(slices) {
  const base = common();
  return {
    ...base,
    tooltip: {
      ...base.tooltip,
      trigger: "item",
      formatter: (at) => slices[at.dataIndex].label + "\n" + slices[at.dataIndex].text,
    },
    series: [
      {
        type: "pie",
        radius: ["52%", "88%"],
        label: { show: false },
        labelLine: { show: false },
        emphasis: { scaleSize: 4 },
        itemStyle: { borderColor: colour("card"), borderWidth: slices.length > 1 ? 1.5 : 0 },
        data: slices.map((s) => ({ name: s.label, value: s.value, itemStyle: { color: colour("c" + s.color) } })),
      },
    ],
  };
}

// draw puts a chart into the place of the server's drawing, which stays for
// print, and for when the chart fails. It returns what draws it again.
function draw(place, option) {
  const plain = place.querySelector("svg");
  const live = document.createElement("div");
  live.className = "live";
  live.setAttribute("aria-hidden", "true"); // the server's drawing and the table are read out
  place.append(live);
  place.classList.add("drawn");
  try {
    const chart = init(live, null, { renderer: "svg" });
    chart.setOption(option());
    new ResizeObserver(() => chart.resize()).observe(live);
    const redraw = () => chart.setOption(option(), true);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
    plain.classList.add("plain");
    return redraw;
  } catch (err) {
    live.remove();
    place.classList.remove("drawn");
    throw err;
  }
}

for (const place of document.querySelectorAll("[data-draw]")) {
  const name = place.dataset.pie;
  const option = { series, classes, pie: () => pie(data.pies[name]) }[place.dataset.draw];
  const redraw = draw(place, option);
  if (option === classes) {
    toggles(place, redraw);
  }
}

// The arrow keys go to the neighbouring ranges, unless somebody types.
document.addEventListener("keydown", (event) => {
  const rel = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  const busy = event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.target !== document.body;
  if (rel && !busy) {
    document.querySelector(`a[rel="${rel}"]`)?.click();
  }
});
