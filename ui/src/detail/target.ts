/** What the address names as open: `x=…`. */

export type Target =
  | { kind: "exchange"; id: string }
  | { kind: "session"; id: string }
  | { kind: "packet"; session: string; number: number }
  | { kind: "log"; id: string }
  | { kind: "compare"; ids: string[] };

/** At most so many are compared side by side: more has no room. */
export const COMPARED_MAX = 6;

/** Reads `ID`, `session:ID`, `log:ID`, `packet:SESSION:NUMBER` or `compare:ID,ID`; null when it names nothing. */
export function target(x: string): Target | null {
  const [head = "", ...rest] = x.split(":");
  const named = /^[A-Za-z0-9._-]{1,128}$/;
  if (rest.length === 0) return named.test(head) ? { kind: "exchange", id: head } : null;
  const [id = "", number = ""] = rest;
  if (head === "session") return named.test(id) && rest.length === 1 ? { kind: "session", id } : null;
  if (head === "log") return named.test(id) && rest.length === 1 ? { kind: "log", id } : null;
  if (head === "packet") {
    return named.test(id) && /^\d{1,15}$/.test(number) && rest.length === 2 ? { kind: "packet", session: id, number: Number(number) } : null;
  }
  if (head !== "compare" || rest.length !== 1) return null;
  const ids = [...new Set(id.split(",").filter((each) => named.test(each)))].slice(0, COMPARED_MAX);
  return ids.length > 0 ? { kind: "compare", ids } : null;
}

/** The address of a target. */
export function written(of: Target): string {
  switch (of.kind) {
    case "exchange": return of.id;
    case "session": return `session:${of.id}`;
    case "packet": return `packet:${of.session}:${of.number}`;
    case "log": return `log:${of.id}`;
    case "compare": return `compare:${of.ids.join(",")}`;
  }
}
