// Failures of the script are told to whoever looks into the console, once
// each: the page works without the script.

const told = new Set<string>();

export function report(what: string, err: unknown): void {
  if (!told.has(what)) {
    told.add(what);
    console.error(`pkgmeter: ${what}:`, err);
  }
}

/** attempt does one thing: the others do not depend on it. */
export function attempt<T>(what: string, task: () => T): T | undefined {
  try {
    return task();
  } catch (err) {
    report(what, err);
    return undefined;
  }
}
