// Draws what the page already says in tables. Names come from outside: they
// reach the document as text of labels, which the server has made harmless.
import { badge } from "./badge";
import { brush } from "./brush";
import { bars } from "./charts/bars";
import { isolated, type Look, noSource } from "./charts/frame";
import { dashes, lines, shownLines } from "./charts/lines";
import { ring } from "./charts/ring";
import { shown, stack } from "./charts/stack";
import { type Chart, checkChart, checkData, type Data, type Mark, type Point } from "./data";
import { draw, onClick, visit } from "./draw";
import { keys } from "./keys";
import { type Choice, layerSwitches, legendOf, modeSwitch } from "./legend";
import { type Entry, rangeOf } from "./picture";
import { attempt } from "./report";
import { ticker } from "./ticker";
import { type Exported, headingOf, tools } from "./tools";

const wide = { width: 928, height: 320 };
const round = { width: 420, height: 260 };

function read(): Data | undefined {
  const text = document.getElementById("data")?.textContent;
  return text === undefined ? undefined : attempt("data", () => checkData(JSON.parse(text)));
}

/** entries are what a picture has as its legend. */
function entries(chart: Chart, choice: Choice, { colours, measure }: Look): Entry[] {
  if (chart.kind === "ring") {
    return chart.slices.map((s) => ({ text: `${isolated(s.label)}: ${s.text}`, colour: colours.hue(s.color) }));
  }
  if (chart.kind === "lines") {
    const all: Entry[] = shownLines(chart, choice).map((l) => ({ text: l.name, colour: colours.hue(l.color), dash: dashes[chart.lines.indexOf(l)] ?? "solid" }));
    return [...all, ...commonEntries(chart, colours)];
  }
  const all: Entry[] = chart.kind === "stack" ? shown(chart, choice).map((l) => ({ text: l.name, colour: colours.hue(l.color) })) : [{ text: measure, colour: colours.bar }];
  return [...all, ...commonEntries(chart, colours)];
}

/** commonEntries are those of all that has points. */
function commonEntries(chart: { points: readonly Point[]; marks: readonly Mark[] }, colours: Look["colours"]): Entry[] {
  const all: Entry[] = [];
  if (chart.points.some((p) => p.gap)) {
    all.push({ text: noSource, colour: colours.gap });
  }
  if (chart.marks.some((m) => m.kind === "upload")) {
    all.push({ text: "upload", colour: colours.soft, sign: "triangle" });
  }
  if (chart.marks.some((m) => m.kind === "deletion")) {
    all.push({ text: "deletion", colour: colours.soft, sign: "cross" });
  }
  return all;
}

function optionOf(chart: Chart, choice: Choice, brushed: boolean) {
  return (look: Look) => {
    switch (chart.kind) {
      case "bars":
        return bars(chart, look, brushed);
      case "stack":
        return stack(chart, look, choice);
      case "lines":
        return lines(chart, look, choice);
      case "ring":
        return ring(chart, look);
    }
  };
}

/** chartAt draws one chart, and returns what can be made of it. */
function chartAt(place: HTMLElement, data: Data, pageRange: Exported["range"]): Exported | undefined {
  const name = place.dataset["draw"] ?? "";
  const panel = place.closest<HTMLElement>("[data-panel]");
  const chart = checkChart(name, data.charts.get(name));
  const choice: Choice = { hidden: new Set(), shares: false };
  const brushed = place.dataset["brush"] !== undefined && chart.kind !== "ring";
  const drawing = draw(place, name, data.measure, optionOf(chart, choice, brushed));
  if (!drawing) {
    return undefined;
  }
  const go = (url: string | undefined) => {
    if (url !== undefined) {
      visit(url);
    }
  };
  if (chart.kind === "ring") {
    onClick(drawing, (_, at) => {
      go(chart.slices[at]?.url);
    });
  } else if (brushed) {
    brush(drawing, chart.points, panel ? headingOf(panel) : name, visit);
  }
  if (chart.kind === "lines") {
    const legend = legendOf(name);
    if (legend) {
      layerSwitches(legend, choice, drawing);
    }
  }
  if (chart.kind === "stack") {
    const legend = legendOf(name);
    if (legend) {
      layerSwitches(legend, choice, drawing);
    }
    if ((place.dataset["modes"] ?? legend?.dataset["modes"]) !== undefined) {
      modeSwitch(legend, chart.group, choice, drawing);
    }
    onClick(drawing, (id) => {
      go(chart.layers[Number(id.replace("layer ", ""))]?.url);
    });
  }
  return {
    drawing,
    range: chart.kind === "ring" ? pageRange : rangeOf(chart.points),
    open: chart.kind !== "ring" && chart.points.some((p) => p.open && !p.gap),
    legend: () => entries(chart, choice, drawing.look()),
    size: chart.kind === "ring" ? round : wide,
  };
}

/** rangeOfPage is that of the first chart that has days, for the rings, which have none. */
function rangeOfPage(data: Data): Exported["range"] {
  for (const [name, value] of data.charts) {
    try {
      const chart = checkChart(name, value);
      const range = chart.kind === "ring" ? undefined : rangeOf(chart.points);
      if (range) {
        return range;
      }
    } catch {
      // It is reported where it should be drawn.
    }
  }
  return undefined;
}

function page(): void {
  const data = read();
  const made = new Map<Element | null, Exported>();
  if (data) {
    const range = rangeOfPage(data);
    for (const place of document.querySelectorAll<HTMLElement>("[data-draw]")) {
      const exported = attempt(`chart ${place.dataset["draw"] ?? ""}`, () => chartAt(place, data, range));
      const panel = place.closest("[data-panel]");
      if (exported && !made.has(panel)) {
        made.set(panel, exported); // a panel offers pictures of its first chart
      }
    }
  }
  for (const panel of document.querySelectorAll<HTMLElement>("[data-panel]")) {
    attempt(`tools of ${panel.dataset["panel"] ?? ""}`, () => {
      tools(panel, made.get(panel));
    });
  }
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-badge]")) {
    attempt("badge", () => {
      badge(form);
    });
  }
  for (const section of document.querySelectorAll<HTMLElement>("[data-live]")) {
    attempt("live", () => {
      ticker(section);
    });
  }
  attempt("keys", keys);
}

page();
