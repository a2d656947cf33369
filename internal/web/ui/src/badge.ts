// The badge builder follows each change by itself. The server makes the
// answer, as it does without script.
import { report } from "./report";

const pause = 200; // milliseconds after the last change

export type Answer = { url: string; markdown: string; html: string; image: string; error?: string };

export function checkAnswer(value: unknown): Answer {
  const f = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const text = (name: string) => {
    const found = f[name];
    if (typeof found !== "string") {
      throw new Error(`the answer has no ${name}`);
    }
    return found;
  };
  if (f["error"] !== undefined) {
    return { url: "", markdown: "", html: "", image: "", error: text("error") };
  }
  return { url: text("url"), markdown: text("markdown"), html: text("html"), image: text("image") };
}

/** debounce calls a function once calls of it have paused. */
export function debounce(task: () => void, ms: number): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return () => {
    clearTimeout(timer);
    timer = setTimeout(task, ms);
  };
}

export type Ask = (query: string, signal: AbortSignal) => Promise<Answer>;

/** follower asks for the last query only: answers to earlier ones are dropped. */
export function follower(ask: Ask, show: (answer: Answer) => void, failed: (err: unknown) => void): (query: string) => Promise<void> {
  let latest: AbortController | undefined;
  return async (query) => {
    latest?.abort();
    const mine = new AbortController();
    latest = mine;
    try {
      const answer = await ask(query, mine.signal);
      if (!mine.signal.aborted) {
        show(answer);
      }
    } catch (err) {
      if (!mine.signal.aborted) {
        failed(err);
      }
    }
  };
}

function queryOf(form: HTMLFormElement): string {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string") {
      query.append(name, value);
    }
  }
  return query.toString();
}

type Field = HTMLInputElement | HTMLTextAreaElement;

export function badge(form: HTMLFormElement): void {
  const field = (name: string) => document.querySelector<Field>(`[data-badge-${name}]`);
  const image = document.querySelector<HTMLImageElement>("img[data-badge-image]");
  const said = document.createElement("p");
  said.className = "note";
  said.setAttribute("role", "status");
  form.after(said);

  const section = image?.closest("section");
  const show = (answer: Answer) => {
    for (const stale of section?.querySelectorAll<HTMLElement>(".alert, .note") ?? []) {
      stale.hidden = true; // what the server said of the badge before
    }
    said.textContent = answer.error ?? "";
    if (answer.error !== undefined) {
      return;
    }
    for (const name of ["url", "markdown", "html"] as const) {
      const place = field(name);
      if (place) {
        place.value = answer[name];
      }
    }
    if (image) {
      image.src = answer.image;
      image.hidden = answer.image === "";
    }
  };
  // getAttribute: a field named "action" would hide the property.
  const action = new URL(form.getAttribute("action") ?? "", location.href);
  const ask: Ask = async (query, signal) => {
    const url = new URL(action);
    url.search = query;
    const response = await fetch(url, { headers: { Accept: "application/json" }, signal });
    const body: unknown = await response.json().catch(() => undefined);
    if (!response.ok && !(typeof body === "object" && body !== null && "error" in body && typeof body.error === "string")) {
      throw new Error(`the server answered ${response.status}`);
    }
    return checkAnswer(body);
  };
  const follow = follower(ask, show, (err) => {
    report("badge", err);
    said.textContent = "The badge could not be made; the button tries again.";
  });
  const changed = debounce(() => {
    if (form.checkValidity()) {
      void follow(queryOf(form));
    }
  }, pause);
  form.addEventListener("input", changed);
  form.addEventListener("change", changed);
  for (const name of ["url", "markdown", "html"]) {
    field(name)?.addEventListener("focus", (event) => {
      (event.currentTarget as Field).select();
    });
  }
}
