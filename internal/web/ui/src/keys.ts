// Keys of the pages, and the dialog that lists them. Single letters can be
// switched off, for those whom they get in the way (WCAG 2.1.4).

const store = "pkgmeter.keys";
export const widgets = "input, textarea, select, dialog, audio, video, [contenteditable], [role=slider], [role=textbox]";

const signs: Record<string, string> = { ArrowLeft: "←", ArrowRight: "→" };

export type Press = Pick<KeyboardEvent, "key" | "altKey" | "ctrlKey" | "metaKey" | "shiftKey" | "repeat" | "isComposing" | "defaultPrevented">;

/** selectorOf returns what a key follows: a link of the page. */
export function selectorOf(key: string): string | undefined {
  if (key === "ArrowLeft" || key === "ArrowRight") {
    return key === "ArrowLeft" ? "a[rel~=prev]" : "a[rel~=next]";
  }
  return /^[dwmya]$/.test(key) ? `a[data-key="${key}"]` : undefined;
}

function linkOf(key: string): HTMLAnchorElement | null {
  const selector = selectorOf(key);
  return selector === undefined ? null : document.querySelector<HTMLAnchorElement>(selector);
}

/** meant tells whether a key is for the page, rather than for the browser or for a field. */
export function meant(press: Press, typing: boolean): boolean {
  const held = press.altKey || press.ctrlKey || press.metaKey || (press.shiftKey && press.key !== "?");
  return !typing && !held && !press.repeat && !press.isComposing && !press.defaultPrevented;
}

export function lettersAre(): "on" | "off" {
  try {
    return localStorage.getItem(store) === "off" ? "off" : "on";
  } catch {
    return "on"; // storage may be forbidden
  }
}

function setLetters(on: boolean): void {
  try {
    localStorage.setItem(store, on ? "on" : "off");
  } catch {
    // It holds for no longer than this page, then.
  }
}

export function keys(): void {
  const dialog = keyDialog();
  document.body.append(dialog);
  const open = () => {
    fill(dialog);
    dialog.showModal();
  };
  const button = document.createElement("button");
  button.type = "button";
  button.className = "quiet keys-button";
  button.textContent = "Keys";
  button.setAttribute("aria-haspopup", "dialog");
  button.addEventListener("click", open);
  document.querySelector("footer")?.append(" ", button);

  document.addEventListener("keydown", (event) => {
    const target = event.target instanceof Element ? event.target : document.body;
    if (dialog.open || !meant(event, target.closest(widgets) !== null)) {
      return;
    }
    const scrolls = event.key.length > 1 && target.matches("[tabindex]"); // a wide table is scrolled by the arrows
    if (scrolls || (event.key.length === 1 && lettersAre() === "off")) {
      return;
    }
    if (event.key === "?") {
      event.preventDefault();
      open();
      return;
    }
    const link = linkOf(event.key);
    if (link) {
      event.preventDefault();
      link.click();
    }
  });
}

function keyDialog(): HTMLDialogElement {
  const dialog = document.createElement("dialog");
  dialog.className = "card keys";
  Object.assign(dialog.style, { color: "var(--ink)", margin: "auto" });
  dialog.setAttribute("aria-labelledby", "keys-title");
  const title = document.createElement("h2");
  title.id = "keys-title";
  title.textContent = "Keys";
  const list = document.createElement("dl");
  const label = document.createElement("label");
  const letters = document.createElement("input");
  letters.type = "checkbox";
  letters.checked = lettersAre() === "on";
  letters.addEventListener("change", () => {
    setLetters(letters.checked);
  });
  label.append(letters, " single letters and ? are keys");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button";
  close.textContent = "Close";
  close.autofocus = true;
  close.addEventListener("click", () => {
    dialog.close();
  });
  const row = document.createElement("p");
  row.append(close);
  dialog.append(title, list, label, row);
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) {
      dialog.close(); // beside it
    }
  });
  return dialog;
}

/** fill lists the keys that do something on this page. */
function fill(dialog: HTMLDialogElement): void {
  const rows: [key: string, does: string][] = [];
  for (const key of ["ArrowLeft", "ArrowRight", "d", "w", "m", "y", "a"]) {
    const text = linkOf(key)?.textContent.replace(/[←→]/g, "").trim();
    if (text) {
      rows.push([signs[key] ?? key, text]);
    }
  }
  if (document.querySelector(".live[tabindex]")) {
    rows.push(["Tab", "to a chart; in it:"], ["← →  Home End", "move over its points"], ["Shift ← →", "select days"], ["Enter", "go to the selected days"], ["Esc", "select nothing"]);
  }
  if (document.querySelector("[data-seek]")) {
    rows.push(["/  Ctrl K", "search"]);
  }
  rows.push(["?", "this list"]);
  const list = dialog.querySelector("dl");
  list?.replaceChildren(
    ...rows.map(([key, does]) => {
      const row = document.createElement("div");
      Object.assign(row.style, { display: "grid", gridTemplateColumns: "8rem 1fr", alignItems: "baseline", margin: ".3rem 0" });
      const name = document.createElement("dt");
      name.style.margin = "0";
      const kbd = document.createElement("kbd");
      kbd.textContent = key;
      name.append(kbd);
      const text = document.createElement("dd");
      text.textContent = does;
      row.append(name, text);
      return row;
    }),
  );
}
