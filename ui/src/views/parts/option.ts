/** Settings of a view, kept in the address under its own keys. */
import { page } from "../../lib/page.svelte.ts";

/** A setting, or what stands for it when it is not set. */
export function option(key: string, otherwise = ""): string {
  return page.state.opt[key] ?? otherwise;
}

/** A setting that is one of few words; anything else is the first of them. */
export function choice<T extends string>(key: string, among: readonly [T, ...T[]]): T {
  const kept = page.state.opt[key];
  return (among as readonly string[]).includes(kept ?? "") ? (kept as T) : among[0];
}

/** Sets some of them; an empty text unsets. */
export function setOptions(change: Record<string, string>): void {
  const next = Object.entries({ ...page.state.opt, ...change }).filter(([, value]) => value !== "");
  page.go({ opt: Object.fromEntries(next) });
}
