/** Single keys: one table for all, by place on the keyboard, silent while somebody types. */
import { untrack } from "svelte";
import { preferences } from "./preferences.svelte.ts";

/** Something that can be done, by key, by the palette, or by a link. */
export interface Command {
  /** Stable: `time.undo`. */
  id: string;
  /** What it does, in words. */
  label: string;
  /** Where help lists it: Time, View, Grid, Detail, Filter, General. */
  group: string;
  /** `z`, `Shift+z`, `Ctrl+k`, `/`, `?`, `Escape`, `ArrowDown`; two keys in a row: `g e`. */
  keys?: string[];
  run: () => void;
  /** Whether it makes sense now. */
  when?: () => boolean;
}

class Commands {
  all: Command[] = $state.raw([]);
  #before = "";
  #beforeAt = 0;

  /** Adds commands while a component lives; call it from an `$effect`, which gets back what removes them. */
  add(commands: Command[]): () => void {
    // Who adds must not run again because somebody else adds.
    this.all = untrack(() => [...this.all, ...commands]);
    return () => {
      this.all = untrack(() => this.all.filter((command) => !commands.includes(command)));
    };
  }

  /** Does what a key stands for. The latest that was added wins, so that an open panel comes before its page. */
  press(event: KeyboardEvent): void {
    if (event.isComposing || event.defaultPrevented) return;
    const typing = event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable]") !== null;
    const key = nameOf(event);
    const modified = event.ctrlKey || event.metaKey || event.altKey;
    if (typing && !modified && key !== "Escape") return;
    if (!modified && !preferences.value.keys && key.length === 1) return;
    const two = event.timeStamp - this.#beforeAt < 1000 ? `${this.#before} ${key}` : "";
    this.#before = key;
    this.#beforeAt = event.timeStamp;
    const fits = (wish: string) => (command: Command) => command.keys?.includes(wish) && (command.when?.() ?? true);
    const found = this.all.findLast(fits(two)) ?? this.all.findLast(fits(key));
    if (!found) return;
    event.preventDefault();
    found.run();
  }
}
export const commands = new Commands();

/** The key as the table writes it; letters by place, so that other alphabets work. */
function nameOf(event: KeyboardEvent): string {
  const place = /^Key([A-Z])$/.exec(event.code)?.[1]?.toLowerCase();
  const latin = /^[a-z]$/i.test(event.key) ? event.key.toLowerCase() : place;
  const key = latin ?? event.key;
  const control = event.ctrlKey || event.metaKey ? "Ctrl+" : "";
  const shift = event.shiftKey && (latin !== undefined || event.key.length > 1) ? "Shift+" : "";
  return `${control}${event.altKey ? "Alt+" : ""}${shift}${key}`;
}
