// A field with suggestions from the server: a combobox over a list of options,
// as WAI-ARIA has it. Focus stays in the field; arrows move over the options.
import { type Group, type Hit, nameOf, passages, sparkPath, titleOf, wordsOf } from "./hits";
import { count } from "./numbers";
import { report } from "./report";

const svg = "http://www.w3.org/2000/svg";
const pause = 200; // milliseconds without a key before the server is asked

export type Ask = (text: string, signal: AbortSignal) => Promise<Group[]>;
export type Combobox = { input: HTMLInputElement; list: HTMLElement; status: HTMLElement };

let lists = 0;

/** listbox makes the list of options, and the region that says how many there are. */
export function listbox(): { list: HTMLElement; status: HTMLElement } {
  const list = document.createElement("div");
  list.className = "options";
  list.id = `options-${++lists}`;
  const status = document.createElement("p");
  status.setAttribute("role", "status");
  return { list, status };
}

function optionOf(group: string, hit: Hit, words: readonly string[][]): HTMLElement {
  const option = document.createElement("div");
  option.setAttribute("role", "option");
  const name = document.createElement("span");
  name.className = "name";
  name.dir = "auto";
  for (const { text, hit: marked } of passages(nameOf(group, hit.key), words)) {
    const part = document.createElement(marked ? "mark" : "span");
    part.textContent = text;
    name.append(part);
  }
  const spark = document.createElementNS(svg, "svg");
  spark.setAttribute("class", "spark");
  spark.setAttribute("viewBox", "0 0 100 20");
  spark.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(svg, "path");
  path.setAttribute("d", sparkPath(hit.days));
  spark.append(path);
  const n = document.createElement("span");
  n.className = "n";
  n.textContent = hit.downloads === 0 && hit.hits > 0 ? `${count(hit.hits)} hits` : count(hit.downloads);
  option.append(name, spark, n);
  return option;
}

/** combobox asks while somebody types, and calls back with what was chosen; with nothing chosen, with none. */
export function combobox({ input, list, status }: Combobox, ask: Ask, choose: (by: string, hit: Hit | undefined) => void): { clear: () => void; look: () => void } {
  let options: { element: HTMLElement; by: string; hit: Hit }[] = [];
  let at = -1;
  let answered = ""; // what the options are suggestions for
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking: AbortController | undefined;

  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-controls", list.id);

  const move = (to: number) => {
    options[at]?.element.setAttribute("aria-selected", "false");
    at = options.length === 0 ? -1 : (to + options.length) % options.length;
    const option = options[at]?.element;
    if (option) {
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      input.setAttribute("aria-activedescendant", option.id);
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  };
  const show = (groups: readonly Group[], text: string) => {
    const words = wordsOf(text);
    answered = text;
    options = [];
    list.replaceChildren(
      ...groups.map((group, g) => {
        const box = document.createElement("div");
        box.setAttribute("role", "group");
        const title = document.createElement("div");
        title.className = "group";
        title.id = `${list.id}-group-${g}`;
        title.textContent = titleOf(group.by);
        box.setAttribute("aria-labelledby", title.id);
        box.append(title);
        for (const hit of group.items) {
          const element = optionOf(group.by, hit, words);
          element.id = `${list.id}-${options.length}`;
          element.setAttribute("aria-selected", "false");
          element.addEventListener("click", () => {
            choose(group.by, hit);
          });
          options.push({ element, by: group.by, hit });
          box.append(element);
        }
        return box;
      }),
    );
    if (options.length > 0) {
      list.setAttribute("role", "listbox"); // one without options is none
      list.setAttribute("aria-label", "Suggestions");
    } else {
      list.removeAttribute("role");
      list.removeAttribute("aria-label");
    }
    input.setAttribute("aria-expanded", String(options.length > 0));
    list.scrollTop = 0;
    move(0);
  };
  const forget = () => {
    clearTimeout(timer);
    asking?.abort();
    asking = undefined;
  };
  const clear = () => {
    forget();
    show([], "");
    status.textContent = "";
  };
  const look = () => {
    forget();
    const text = input.value.trim();
    if (text === "") {
      clear();
      return;
    }
    const own = new AbortController();
    asking = own;
    ask(text, own.signal).then(
      (groups) => {
        if (asking !== own) {
          return; // an answer to what is no longer asked
        }
        show(groups, text);
        const n = options.length;
        status.textContent = n === 0 ? "Nothing that was fetched has this in its name." : `${n} ${n === 1 ? "suggestion" : "suggestions"}`;
      },
      (err: unknown) => {
        if (asking !== own) {
          return;
        }
        report("search", err);
        show([], "");
        status.textContent = "The search failed. Enter tries it on a page of its own.";
      },
    );
  };

  input.addEventListener("input", () => {
    forget();
    timer = setTimeout(look, pause);
  });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.ctrlKey || event.metaKey) {
      return;
    }
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      move(at + (event.key === "ArrowDown" ? 1 : -1));
    } else if (event.key === "Enter") {
      event.preventDefault();
      const option = input.value.trim() === answered ? options[at] : undefined; // not one for what was typed before
      choose(option?.by ?? "", option?.hit);
    }
  });
  show([], "");
  return { clear, look };
}
