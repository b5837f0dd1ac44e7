/** Moving through time: by the bar's buttons and by keys, and following now. */
import { activity } from "../api/ask.svelte.ts";
import { following, span } from "../lib/entry.ts";
import { isDue } from "../lib/live.ts";
import { page } from "../lib/page.svelte.ts";
import { store } from "../lib/store.svelte.ts";
import { pan, type Range, zoom } from "../lib/time.ts";

/** A pointer that rests on a chart for longer than this holds a live picture, in milliseconds. */
const REST_MS = 300;
/** How often a live page looks for new rows, in milliseconds. */
const LOOK_MS = 500;

class Steer {
  /** Whether a live picture is held, and why. */
  held: "" | "pointer" | "hidden" = $state("");
  /** Rows that came while it was held. */
  fresh = $state(0);

  pan(share: number): void {
    page.show(pan(page.range, share, Date.now()));
  }

  /** Shows half (0.5) or twice as much, around the brush or the middle. */
  zoom(factor: number): void {
    const { range, state } = page;
    const middle = state.sel && factor < 1 ? state.sel : range;
    page.show(zoom(range, factor, (middle.from + middle.to) / 2, Math.max(Date.now(), range.to)));
  }

  /** Shows all data. */
  fit(): void {
    if (page.data) page.show(page.data, { sel: null, drill: null });
  }

  /** The range that a page without one would open with. */
  reset(): void {
    const { from, to } = page.opening();
    page.time(from, to, { sel: null, drill: null });
  }

  /** Follows now, or stays where it is. */
  live(): void {
    if (page.state.live) {
      page.go({ live: false });
      return;
    }
    const followed = page.state.from.startsWith("now-") && !page.state.from.includes("/") ? page.state.from : following(page.range);
    page.time(followed, "now", { live: true, sel: null, drill: null });
  }

  /** Keeps a live page going; call it from an effect. */
  follow(): () => void {
    let rests: ReturnType<typeof setTimeout> | undefined;
    let resting = false;
    let [seen, drawn] = [store.rows(page.table), Date.now()];
    const over = (event: PointerEvent) => {
      const on = event.target instanceof Element && event.target.closest("canvas, .timeline, [data-hold]") !== null;
      clearTimeout(rests);
      if (!on) resting = false;
      else if (!resting) rests = setTimeout(() => (resting = true), REST_MS);
    };
    addEventListener("pointermove", over, { passive: true });
    const beat = async () => {
      this.held = document.hidden ? "hidden" : resting ? "pointer" : "";
      if (!document.hidden) await store.count().catch(() => undefined); // The heart beat tells when the server is away.
      const rows = store.rows(page.table);
      if (this.held === "" && activity.flights.length === 0 && isDue(Date.now() - drawn, activity.took, rows !== seen, page.step)) {
        [seen, drawn] = [rows, Date.now()];
        page.refresh();
      }
      this.fresh = this.held === "" ? 0 : Math.max(0, rows - seen);
      timer = setTimeout(beat, LOOK_MS);
    };
    let timer = setTimeout(beat, LOOK_MS);
    return () => {
      clearTimeout(timer);
      clearTimeout(rests);
      removeEventListener("pointermove", over);
      this.held = "";
      this.fresh = 0;
    };
  }

  /** What a compared range is, in words. */
  compared(range: Range): string {
    return span(range, page.zone);
  }
}
export const steer = new Steer();
