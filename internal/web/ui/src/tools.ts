// What a panel offers beside its links: the API call, pictures, and the table
// in the place of the chart.
import { init } from "echarts/core";

import type { Drawing } from "./draw";
import { paint } from "./draw";
import { compose, download, type Entry, fileName, pngFile, svgFile } from "./picture";
import { report } from "./report";

export type Exported = {
  drawing: Drawing;
  range: { from: string; to: string } | undefined;
  open: boolean; // the last day is not over yet
  legend: () => Entry[];
  size: { width: number; height: number };
};

const spoken = 4000; // milliseconds that a confirmation stays

export function headingOf(panel: HTMLElement): string {
  return panel.querySelector("h1, h2, h3")?.textContent.trim() ?? panel.dataset["panel"] ?? "chart";
}

/** picture draws the chart once more, at a size of its own, as it is shown now. */
export function picture(panel: HTMLElement, { drawing, range, open, legend, size }: Exported): SVGSVGElement {
  const look = drawing.look();
  const chart = init(document.createElement("div"), null, { renderer: "svg", ...size });
  try {
    paint(chart, { ...drawing.option(look), animation: false });
    const svg = chart.getDom().querySelector("svg");
    if (!svg) {
      throw new Error("nothing was drawn");
    }
    const { ink, soft, card } = look.colours;
    const days = range ? `${range.from} to ${range.to}, days in UTC${open ? "; hatched: not over yet" : ""}` : "";
    return compose(svg, size, { heading: headingOf(panel), range: days, ink, soft, card }, legend());
  } finally {
    chart.dispose();
  }
}

async function copy(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOld(text); // without TLS there is no clipboard, and many a server is without
  }
}

function copyOld(text: string): boolean {
  const field = document.createElement("textarea");
  const before = document.activeElement;
  field.className = "unseen";
  field.value = text;
  field.readOnly = true;
  document.body.append(field);
  field.select();
  try {
    return document.execCommand("copy"); // eslint-disable-line @typescript-eslint/no-deprecated -- there is nothing else without TLS
  } finally {
    field.remove();
    if (before instanceof HTMLElement) {
      before.focus();
    }
  }
}

function addButton(list: HTMLElement, text: string, of: string, click: (button: HTMLButtonElement) => void): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = text;
  button.setAttribute("aria-label", `${of}: ${text}`);
  button.addEventListener("click", () => {
    click(button);
  });
  const item = document.createElement("li");
  item.append(button);
  list.append(item);
  return button;
}

/** speaker makes a live region, and what says something in it for a while. */
function speaker(): { item: HTMLElement; say: (text: string) => void } {
  const item = document.createElement("li");
  const region = document.createElement("span");
  region.className = "said";
  region.setAttribute("role", "status");
  item.append(region);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const say = (text: string) => {
    clearTimeout(timer);
    region.textContent = text;
    timer = setTimeout(() => {
      region.textContent = "";
    }, spoken);
  };
  return { item, say };
}

/** tableSwitch swaps the chart for its table. */
function tableSwitch(list: HTMLElement, heading: string, table: HTMLDetailsElement, parts: readonly HTMLElement[]): void {
  let asTable = false;
  const name = (button: HTMLElement) => {
    button.textContent = asTable ? "Chart" : "Table";
    button.setAttribute("aria-label", `${heading}: ${button.textContent}`);
  };
  addButton(list, "Table", heading, (button) => {
    asTable = !asTable;
    table.open = asTable;
    for (const part of parts) {
      part.style.display = asTable ? "none" : "";
    }
    name(button);
  });
}

/** tools adds the buttons of a panel. Without a drawing there are no pictures to offer. */
export function tools(panel: HTMLElement, exported: Exported | undefined): void {
  const list = panel.querySelector<HTMLElement>("[data-tools]");
  if (!list) {
    return;
  }
  const heading = headingOf(panel);
  const name = panel.dataset["panel"] ?? "";
  const call = list.querySelector<HTMLAnchorElement>("a[data-json]");
  const { item, say } = speaker();
  const run = (what: string, task: () => Promise<string>) => {
    task().then(say, (err: unknown) => {
      report(`${what} of ${name}`, err);
      say(what === "copy" ? "could not copy" : `the ${what.toUpperCase()} could not be made`);
    });
  };
  if (call) {
    addButton(list, "Copy API call", heading, () => {
      run("copy", async () => ((await copy(call.href)) ? "copied" : `could not copy ${call.href}`));
    });
  }
  if (exported) {
    for (const kind of ["svg", "png"] as const) {
      addButton(list, kind.toUpperCase(), heading, () => {
        run(kind, async () => {
          const root = picture(panel, exported);
          download(kind === "svg" ? svgFile(root) : await pngFile(root), fileName(name, exported.range, kind));
          return "";
        });
      });
    }
    const table = panel.querySelector<HTMLDetailsElement>("details[data-table]");
    if (table) {
      const parts = panel.querySelectorAll<HTMLElement>("[data-draw], .legend, .modes");
      tableSwitch(list, heading, table, [...parts]);
    }
  }
  list.append(item);
}
