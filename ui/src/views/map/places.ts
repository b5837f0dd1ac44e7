/** Where a person put nodes: kept in this browser, by the node's name. */
import type { Place } from "./layout.ts";

const KEY = "arachne.map.places";
const MOST = 500;

export function loadPlaces(): Record<string, Place> {
  const out: Record<string, Place> = Object.create(null) as Record<string, Place>;
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(KEY) ?? "{}");
    for (const [id, place] of Object.entries(kept as Record<string, Partial<Place>>)) {
      if (Number.isFinite(place?.x) && Number.isFinite(place.y)) out[id] = { x: place.x!, y: place.y! };
    }
  } catch {
    // What cannot be read is as if nothing were kept.
  }
  return out;
}

/** Keeps them; the oldest give way. */
export function keepPlaces(places: Record<string, Place>): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries(Object.entries(places).slice(-MOST))));
  } catch {
    // A browser that keeps nothing: locked until the page is left.
  }
}
