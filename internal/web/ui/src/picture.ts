// Composes a file of a chart that stands for itself: heading, days, legend,
// background and fonts are in it, colours are written out.
import { font } from "./charts/frame";
import type { Point } from "./data";

const ns = "http://www.w3.org/2000/svg";
const pad = 16;
const row = 20; // height of a line of the legend
const swatch = 11;

export type Entry = { text: string; colour: string; sign?: "triangle" | "cross"; dash?: readonly number[] | "solid" };
export type Paper = { heading: string; range: string; ink: string; soft: string; card: string };

/** rangeOf returns the days that points cover, "" where they have none. */
export function rangeOf(points: readonly Point[]): { from: string; to: string } | undefined {
  const from = points.find((p) => p.from !== undefined)?.from;
  const to = [...points].reverse().find((p) => p.to !== undefined)?.to;
  return from === undefined || to === undefined ? undefined : { from, to };
}

/** fileName is made of the name of the panel and the days in it. */
export function fileName(panel: string, range: { from: string; to: string } | undefined, extension: string): string {
  const name = panel
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-+|-+$/g, "")
    .slice(0, 60);
  return `${[name || "chart", ...(range ? [range.from, range.to] : [])].join("_")}.${extension}`;
}

/** flow places things of given widths in lines. */
export function flow(widths: readonly number[], most: number): { x: number; line: number }[] {
  let x = 0;
  let line = 0;
  return widths.map((width) => {
    if (x > 0 && x + width > most) {
      x = 0;
      line++;
    }
    const at = { x, line };
    x += width;
    return at;
  });
}

/** cut shortens text to what has room. */
export function cut(text: string, most: number): string {
  const signs = Array.from(text);
  return signs.length > most ? `${signs.slice(0, most - 1).join("")}…` : text;
}

function element(name: string, attributes: Record<string, string | number>, text?: string): SVGElement {
  const e = document.createElementNS(ns, name);
  for (const [key, value] of Object.entries(attributes)) {
    e.setAttribute(key, String(value));
  }
  if (text !== undefined) {
    e.textContent = text;
  }
  return e;
}

/** textWidths measures as the browser would write. */
function textWidths(texts: readonly string[]): number[] {
  const pen = document.createElement("canvas").getContext("2d");
  if (pen) {
    pen.font = `12px ${font}`;
  }
  return texts.map((text) => pen?.measureText(text).width ?? text.length * 7);
}

/** compose puts a drawing of the given size on paper. */
export function compose(drawing: SVGSVGElement, size: { width: number; height: number }, paper: Paper, legend: readonly Entry[]): SVGSVGElement {
  const top = pad + (paper.range === "" ? 28 : 48);
  const texts = legend.map((l) => cut(l.text, Math.floor(size.width / 8)));
  const places = flow(
    textWidths(texts).map((width) => width + swatch + 22),
    size.width,
  );
  const lines = legend.length > 0 ? (places.at(-1)?.line ?? 0) + 1 : 0;
  const width = size.width + 2 * pad;
  const height = top + size.height + lines * row + pad + (lines > 0 ? 8 : 0);

  const root = element("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img", "font-family": font, "font-size": 12, direction: "ltr" }) as SVGSVGElement;
  const name = paper.range === "" ? paper.heading : `${paper.heading}, ${paper.range}`;
  root.append(
    element("title", {}, name),
    element("rect", { width, height, fill: paper.card }),
    element("text", { x: pad, y: pad + 14, fill: paper.ink, "font-size": 17, "font-weight": 600 }, cut(paper.heading, Math.floor(size.width / 10))),
  );
  if (paper.range !== "") {
    root.append(element("text", { x: pad, y: pad + 34, fill: paper.soft }, paper.range));
  }
  const body = element("g", { transform: `translate(${pad} ${top})` });
  body.append(...[...drawing.childNodes].map((node) => node.cloneNode(true)));
  root.append(body);
  legend.forEach((entry, i) => {
    const { x, line } = places[i] ?? { x: 0, line: 0 };
    const at = { x: pad + x, y: top + size.height + 8 + line * row };
    root.append(
      entry.dash
        ? element("path", { d: `M${at.x - 2} ${at.y + 10}h${swatch + 5}`, stroke: entry.colour, "stroke-width": 2.2, "stroke-linecap": "round", "stroke-dasharray": entry.dash === "solid" ? "none" : entry.dash.join(" ") })
        : entry.sign === "cross"
        ? element("path", { d: `M${at.x + 2} ${at.y + 6}l7 7m0-7l-7 7`, stroke: entry.colour, "stroke-width": 2 })
        : entry.sign
        ? element("path", { d: `M${at.x + swatch / 2} ${at.y + 5}l-5 9h10z`, fill: entry.colour })
        : element("rect", { x: at.x, y: at.y + 4, width: swatch, height: swatch, rx: 2, fill: entry.colour }),
      element("text", { x: at.x + swatch + 5, y: at.y + 14, fill: paper.soft }, texts[i]),
    );
  });
  return root;
}

export function svgFile(root: SVGSVGElement): Blob {
  return new Blob([new XMLSerializer().serializeToString(root)], { type: "image/svg+xml" });
}

/** dataURL is what the policy lets an image be. */
function dataURL(file: Blob): Promise<string> {
  return new Promise((done, failed) => {
    const reader = new FileReader();
    reader.onload = () => {
      done(reader.result as string); // as text, which readAsDataURL makes
    };
    reader.onerror = () => {
      failed(reader.error ?? new Error("the picture cannot be read"));
    };
    reader.readAsDataURL(file);
  });
}

/** pngFile draws the picture in double size. */
export async function pngFile(root: SVGSVGElement): Promise<Blob> {
  const image = new Image();
  image.src = await dataURL(svgFile(root));
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * root.width.baseVal.value;
  canvas.height = 2 * root.height.baseVal.value;
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done, failed) => {
    canvas.toBlob((file) => {
      if (file) {
        done(file);
      } else {
        failed(new Error("the picture cannot be made"));
      }
    }, "image/png");
  });
}

export function download(file: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.hidden = true;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => {
    URL.revokeObjectURL(link.href);
  }, 60_000);
}
