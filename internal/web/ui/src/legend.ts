// Makes the legend of a stack switch layers off and on, and the stack show
// shares.
import type { Drawing } from "./draw";

/** Choice is what the reader has chosen; it starts with everything, as numbers. */
export type Choice = { hidden: Set<string>; shares: boolean };

function press(button: HTMLButtonElement, on: boolean): void {
  button.setAttribute("aria-pressed", String(on));
}

function toggle(): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "toggle";
  return button;
}

/** legendOf finds the legend of a drawing. */
export function legendOf(name: string): HTMLElement | undefined {
  return [...document.querySelectorAll<HTMLElement>("[data-legend]")].find((l) => l.dataset["legend"] === name);
}

export function layerSwitches(legend: HTMLElement, choice: Choice, drawing: Drawing): void {
  for (const item of legend.querySelectorAll<HTMLElement>("[data-layer]")) {
    const name = item.dataset["layer"] ?? "";
    const button = toggle();
    press(button, true);
    button.append(...item.childNodes);
    item.append(button);
    button.addEventListener("click", () => {
      if (!choice.hidden.delete(name)) {
        choice.hidden.add(name);
      }
      press(button, !choice.hidden.has(name));
      drawing.redraw();
    });
  }
}

/** pick shows which of the buttons is chosen. */
function pick(button: HTMLButtonElement, on: boolean): void {
  press(button, on);
  button.style.background = on ? "var(--bar)" : "";
  button.style.color = on ? "var(--card)" : "";
}

/** modeSwitch adds the two buttons that choose between numbers and shares. */
export function modeSwitch(legend: HTMLElement | undefined, group: string, choice: Choice, drawing: Drawing): void {
  const box = document.createElement("div");
  box.className = "modes";
  box.setAttribute("role", "group");
  box.setAttribute("aria-label", `Scale of the chart by ${group}`);
  const buttons = [false, true].map((shares) => {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    button.textContent = shares ? "Share" : "Absolute";
    pick(button, shares === choice.shares);
    button.addEventListener("click", () => {
      choice.shares = shares;
      buttons.forEach((each, i) => {
        pick(each, (i === 1) === shares);
      });
      drawing.redraw();
    });
    return button;
  });
  box.append(...buttons.flatMap((button) => [button, " "]));
  const switches = drawing.place.closest("[data-panel]")?.querySelector(".switches [data-tools]");
  if (switches) {
    switches.before(box);
  } else {
    (legend ?? drawing.place).after(box);
  }
}
