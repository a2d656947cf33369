// Search, on every page: / and Ctrl-K open a dialog, and the field that adds a
// package to a comparison has suggestions. Without it both are forms.
import { combobox, listbox } from "./combobox";
import { checkFound, type Group, type Hit, urlOf } from "./hits";
import { lettersAre, meant, widgets } from "./keys";
import { attempt } from "./report";

const each = 8; // hits of each group

/** search asks the server; only answers to the last question are waited for. */
async function search(base: string, text: string, signal: AbortSignal): Promise<Group[]> {
  const query = new URLSearchParams({ q: Array.from(text).slice(0, 200).join(""), limit: String(each) });
  const answer = await fetch(`${base}/api/v1/search?${query.toString()}`, { signal, headers: { Accept: "application/json" } });
  if (!answer.ok) {
    throw new Error(`the server answers ${answer.status}`);
  }
  return checkFound(await answer.json());
}

function palette(form: HTMLFormElement, base: string): { open: (text: string) => void; isOpen: () => boolean } {
  const dialog = document.createElement("dialog");
  dialog.className = "card palette";
  dialog.setAttribute("aria-label", "Search");
  const ask = document.createElement("div");
  ask.className = "ask";
  const input = document.createElement("input");
  input.type = "search";
  input.maxLength = 200;
  input.placeholder = "Packages, files, repositories, clients";
  input.autocomplete = "off";
  input.spellcheck = false;
  input.setAttribute("aria-label", "Search packages, files, repositories and clients");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "quiet";
  close.textContent = "Close";
  close.addEventListener("click", () => {
    dialog.close();
  });
  ask.append(input, close);
  const { list, status } = listbox();
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = "↑ ↓ to choose, Enter to go there, Esc to close";
  dialog.append(ask, status, list, hint);
  document.body.append(dialog);

  const go = (by: string, hit: Hit | undefined) => {
    if (hit) {
      location.assign(urlOf(base, by, hit));
    } else if (input.value.trim() !== "") {
      location.assign(`${form.action}?${new URLSearchParams({ q: input.value.trim() }).toString()}`);
    }
  };
  const box = combobox({ input, list, status }, (text, signal) => search(base, text, signal), go);
  dialog.addEventListener("close", () => {
    if (!dialog.open) {
      box.clear(); // the event is late: it may be open again
    }
  });
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) {
      dialog.close(); // beside it
    }
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      event.preventDefault(); // a search field would only be emptied
      dialog.close();
    }
  });
  return {
    isOpen: () => dialog.open,
    open: (text) => {
      dialog.showModal();
      input.value = text;
      input.focus();
      input.select();
      box.look();
    },
  };
}

/** seek makes the field of the header open the dialog. */
function seek(form: HTMLFormElement): void {
  const field = form.querySelector("input");
  const { open, isOpen } = palette(form, form.dataset["seek"] ?? "");
  const sign = document.createElement("kbd");
  sign.setAttribute("aria-hidden", "true");
  sign.textContent = "/";
  form.append(sign);
  field?.setAttribute("aria-keyshortcuts", "/ Control+K Meta+K");
  field?.addEventListener("click", () => {
    open(field.value);
  });
  document.addEventListener("keydown", (event) => {
    const other = document.querySelector("dialog[open]") !== null;
    if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (!other && !event.repeat) {
        open("");
      }
      return;
    }
    const target = event.target instanceof Element ? event.target : document.body;
    // Some keyboards have the slash behind Shift.
    const press = { key: event.key, altKey: event.altKey, ctrlKey: event.ctrlKey, metaKey: event.metaKey, shiftKey: false, repeat: event.repeat, isComposing: event.isComposing, defaultPrevented: event.defaultPrevented };
    if (event.key === "/" && !isOpen() && !other && lettersAre() === "on" && meant(press, target.closest(widgets) !== null)) {
      event.preventDefault();
      open("");
    }
  });
}

/** adder gives the field that adds a package suggestions of packages. */
function adder(form: HTMLFormElement, base: string): void {
  const input = form.querySelector<HTMLInputElement>("input[name=add]");
  if (!input) {
    return;
  }
  const { list, status } = listbox();
  status.className = "unseen";
  form.append(list, status);
  const packages = async (text: string, signal: AbortSignal) => (await search(base, text, signal)).filter((g) => g.by === "package");
  const box = combobox({ input, list, status }, packages, (_, hit) => {
    if (hit) {
      input.value = hit.key;
    }
    form.requestSubmit();
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      box.clear();
    }
  });
  form.addEventListener("focusout", (event) => {
    if (!(event.relatedTarget instanceof Node && form.contains(event.relatedTarget))) {
      setTimeout(box.clear, 150); // not before a click on an option
    }
  });
}

const header = document.querySelector<HTMLFormElement>("form[data-seek]");
if (header) {
  attempt("search", () => {
    seek(header);
  });
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-add]")) {
    attempt("suggestions", () => {
      adder(form, header.dataset["seek"] ?? "");
    });
  }
}
