/** What can stand at a place of a filter, as texts that can be put in. */
import type { Schema } from "../api/client.ts";
import { placed } from "../lib/filter.ts";

/** Something to put in. */
export interface Offer {
  label: string;
  doc: string;
  kind: string;
  /** Rows with it, for values. */
  count: number | null;
  /** The text afterwards, and where the cursor then stands. */
  text: string;
  cursor: number;
}

/** The list of what can stand there: values first, since they are what is looked for. */
export function offersOf(text: string, answer: Schema<"CompleteAnswer">): Offer[] {
  const { start, end } = placed(text, answer.span);
  const put = (insert: string) => ({ text: text.slice(0, start) + insert + text.slice(end), cursor: start + insert.length });
  const values = answer.values.flatMap((offered): Offer[] => {
    const colon = offered.filter.indexOf(":");
    // Rows without a value are found by a negation, which cannot stand behind a colon.
    if (colon < 0 || offered.filter.startsWith("-")) return [];
    const insert = offered.filter.slice(colon + 1);
    return [{ label: String(offered.value ?? "–"), doc: "", kind: "value", count: offered.count, ...put(insert) }];
  });
  const items = answer.items.map((item): Offer => ({ label: item.label, doc: item.doc, kind: item.kind, count: null, ...put(item.insert) }));
  // What stands there already is no offer.
  return [...values, ...items].filter((offer) => offer.text !== text).slice(0, 60);
}
