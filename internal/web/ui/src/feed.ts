// The stream of events as they come: it goes on from the last message that was
// seen, whatever ended the connection, and holds events back while the reader
// has paused it.

/** Shown is an event. Its strings come from outside. */
export type Shown = {
  time: string;
  repository: string;
  type: string;
  package: string;
  version: string;
  file: string;
  kind: string;
  client: string;
  class: string;
  country: string;
  op: string;
  status: number;
  counts: string;
};

export function checkEvent(value: unknown): Shown {
  const f = typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  const text = (name: string, fallback?: string): string => {
    const found = f[name] ?? fallback;
    if (typeof found !== "string") {
      throw new Error(`the event has no ${name}`);
    }
    return found;
  };
  const status = f["status"];
  if (typeof status !== "number") {
    throw new Error("the event has no status");
  }
  return {
    time: text("time"), repository: text("repository"), type: text("type"), package: text("package"), version: text("version", ""), file: text("file"), kind: text("kind"),
    client: text("client"), class: text("class"), country: text("country", ""), op: text("op"), status, counts: text("counts"),
  };
}

export function checkSkipped(value: unknown): number {
  const n = typeof value === "object" && value !== null && "events" in value ? value.events : undefined;
  if (typeof n !== "number") {
    throw new Error("the message says no number of events");
  }
  return n;
}

/** State is what a reader has to know of the connection. */
export type State = "connecting" | "open" | "lost";

/** Message is what a stream brings. */
export type Message = { data: string; lastEventId: string };

/** Stream is what is used of an EventSource. */
export type Stream = {
  readonly readyState: number;
  addEventListener(kind: string, listener: (event: Message) => void): void;
  close(): void;
};

/** View shows what comes. */
export type View = {
  add(events: Shown[]): void;
  clear(): void;
  state(state: State): void;
  waiting(events: number): void;
  skipped(events: number): void;
  failed(err: unknown): void;
};

export type Outside = { open(url: string): Stream; after(ms: number, task: () => void): () => void };

const closed = 2; // EventSource.CLOSED
const shortest = 2_000; // milliseconds until a stream that has ended for good is asked for again
const longest = 30_000;

export class Feed {
  private stream: Stream | undefined;
  private cancel: (() => void) | undefined;
  private wait = shortest;
  private paused = false;
  private held: Shown[] = [];
  private waiting = 0;

  constructor(
    private readonly url: string,
    private after: string,
    private readonly most: number,
    private readonly view: View,
    private readonly outside: Outside,
  ) {}

  /** open connects, and goes on after the last message that was seen. */
  open(): void {
    this.close();
    this.view.state("connecting");
    const stream = this.outside.open(`${this.url}${this.url.includes("?") ? "&" : "?"}after=${encodeURIComponent(this.after)}`);
    this.stream = stream;
    stream.addEventListener("open", () => {
      this.wait = shortest;
      this.view.state("open");
    });
    stream.addEventListener("error", () => {
      if (this.stream === stream) {
        this.lost(stream);
      }
    });
    const on = (kind: string, task: (data: unknown) => void) => {
      stream.addEventListener(kind, (message) => {
        if (this.stream === stream) {
          this.heard(message, task);
        }
      });
    };
    on("message", (data) => {
      this.event(checkEvent(data));
    });
    on("skipped", (data) => {
      this.view.skipped(checkSkipped(data));
    });
    on("reset", () => {
      this.held = [];
      this.waiting = 0;
      this.view.waiting(0);
      this.view.clear();
    });
    on("at", () => undefined);
  }

  /** close ends the stream until it is opened again. */
  close(): void {
    this.cancel?.();
    this.cancel = undefined;
    this.stream?.close();
    this.stream = undefined;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    const held = this.held;
    this.held = [];
    this.waiting = 0;
    this.view.waiting(0);
    this.view.add(held);
  }

  private heard(message: Message, task: (data: unknown) => void): void {
    try {
      task(JSON.parse(message.data));
    } catch (err) {
      this.view.failed(err);
    }
    if (message.lastEventId !== "") {
      this.after = message.lastEventId;
    }
  }

  private event(event: Shown): void {
    if (!this.paused) {
      this.view.add([event]);
      return;
    }
    this.held.push(event);
    this.waiting++;
    if (this.held.length > this.most) {
      this.held.shift();
    }
    this.view.waiting(this.waiting);
  }

  /** lost: a browser comes back by itself where the network failed, and gives up where a server refused. */
  private lost(stream: Stream): void {
    this.view.state("lost");
    if (stream.readyState !== closed) {
      return;
    }
    this.cancel?.();
    this.cancel = this.outside.after(this.wait, () => {
      this.open();
    });
    this.wait = Math.min(longest, this.wait * 2);
  }
}
