// The colours of the style sheet, which knows light and dark.

const names = ["ink", "soft", "card", "line", "bar", "today", "hatch", "gap", "hover"] as const;
const hues = 11; // c0 to c10

export type Colours = Record<(typeof names)[number], string> & {
  /** The colour of a layer or slice; what the style sheet does not have is drawn as the rest is. */
  hue: (n: number) => string;
};

/** coloursOf reads them by a function that returns a custom property of the style sheet. */
export function coloursOf(property: (name: string) => string): Colours {
  const read = (name: string) => property(`--${name}`).trim();
  const all = Object.fromEntries(names.map((name) => [name, read(name)])) as Record<(typeof names)[number], string>;
  const palette = Array.from({ length: hues }, (_, n) => read(`c${n}`));
  return { ...all, hue: (n) => palette[n] ?? palette[0] ?? all.soft };
}

/** currentColours are those of the page as it is shown now. */
export function currentColours(): Colours {
  const style = getComputedStyle(document.documentElement);
  return coloursOf((name) => style.getPropertyValue(name));
}
