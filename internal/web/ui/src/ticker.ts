// The page of events as they come, with a button that holds them back.
import { Feed, type Shown, type State } from "./feed";
import { count } from "./numbers";
import { report } from "./report";
import { rowOf } from "./rows";

const said: Record<State, string> = {
  connecting: "Connecting …",
  open: "Connected: events appear by themselves.",
  lost: "Not connected. Trying again … If this lasts, reload the page.",
};

/** latest gathers events until the next frame, at most so many of the last. */
export function latest<T>(most: number, frame: (task: () => void) => void, show: (all: T[]) => void): (events: T[]) => void {
  let waiting: T[] = [];
  return (events) => {
    const asked = waiting.length > 0;
    waiting = [...waiting, ...events].slice(-most);
    if (!asked && waiting.length > 0) {
      frame(() => {
        const all = waiting;
        waiting = [];
        show(all);
      });
    }
  };
}

export function ticker(section: HTMLElement): void {
  const { live: url = "", after = "", base = "", most: limit = "50", classes: titles = "{}" } = section.dataset;
  const most = Number(limit);
  const classes = JSON.parse(titles) as Record<string, string>;
  const part = (name: string) => section.querySelector<HTMLElement>(`[data-live-${name}]`);
  const rows = part("rows");
  const state = part("state");
  const tools = document.querySelector("[data-live-tools]");
  if (!rows || !state || !tools) {
    throw new Error("the page has no place for events");
  }
  const show = (events: Shown[]) => {
    rows.prepend(...events.map((e) => rowOf(e, base, classes)).reverse());
    while (rows.childElementCount > most) {
      rows.lastElementChild?.remove();
    }
    const none = part("none");
    if (none) {
      none.hidden = rows.childElementCount > 0;
    }
  };
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button";
  button.textContent = "Pause";
  const waits = document.createElement("span");
  waits.className = "label";
  tools.replaceChildren(waits, " ", button);

  let skipped = 0;
  let paused = false;
  let connection: State = "connecting";
  const say = () => {
    state.textContent = paused && connection === "open" ? "Paused: what comes waits." : said[connection];
    section.dataset["state"] = connection;
    state.classList.toggle("problem", connection === "lost");
    state.classList.toggle("notice", connection === "lost");
  };
  const add = latest<Shown>(most, (task) => requestAnimationFrame(task), show);
  const feed = new Feed(
    url,
    after,
    most,
    {
      add,
      clear: () => {
        rows.replaceChildren();
      },
      state: (now) => {
        connection = now;
        say();
      },
      waiting: (n) => {
        waits.textContent = n === 0 ? "" : `${count(n)} ${n === 1 ? "waits" : "wait"}`;
      },
      skipped: (n) => {
        skipped += n;
        const place = part("skipped");
        if (place) {
          place.hidden = false;
          place.textContent = `${count(skipped)} ${skipped === 1 ? "event was" : "events were"} passed over since this page was opened: too many came at once, or while it was away.`;
        }
      },
      failed: (err) => {
        report("live", err);
      },
    },
    {
      open: (address) => new EventSource(address),
      after: (ms, task) => {
        const timer = setTimeout(task, ms);
        return () => {
          clearTimeout(timer);
        };
      },
    },
  );
  button.addEventListener("click", () => {
    paused = !paused;
    button.textContent = paused ? "Resume" : "Pause";
    if (paused) {
      feed.pause();
    } else {
      feed.resume();
    }
    say();
  });
  // A browser has few connections to a server: a page that nobody sees needs none.
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      feed.close();
    } else {
      feed.open();
    }
  });
  feed.open();
}

