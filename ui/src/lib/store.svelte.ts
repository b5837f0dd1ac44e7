/** What the store holds: ranges, rows, the fields of its tables, and what the asker may do. */
import { activity } from "../api/ask.svelte.ts";
import { api, type Schema, wanted } from "../api/client.ts";
import { parseInstant } from "./format.ts";
import { page } from "./page.svelte.ts";
import type { Range } from "./time.ts";
import { TIMED } from "./url.ts";

/** How often the page looks whether the server lives, in milliseconds. */
const BEAT_MS = 10_000;

class Store {
  facts: Schema<"StoreAnswer"> | null = $state.raw(null);
  catalogue: Schema<"TableEntry">[] = $state.raw([]);
  me: Schema<"Me"> | null = $state.raw(null);
  /** Whether the file that the server is configured by is in force. */
  configuration: Schema<"ConfigurationAnswer"> | null = $state.raw(null);
  /** Since when the server does not answer; null while it does. */
  offlineSince: number | null = $state(null);
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;

  /** Asks for all of it; throws when the server does not answer or wants a login. */
  async load(): Promise<void> {
    const [facts, catalogue, me, configuration] = await Promise.all([
      wanted(api.GET("/api/v1/store")), wanted(api.GET("/api/v1/catalogue")), wanted(api.GET("/api/v1/me")),
      wanted(api.GET("/api/v1/configuration")),
    ]);
    this.configuration = configuration;
    this.catalogue = catalogue;
    this.me = me;
    this.#take(facts);
    if (page.state.from === "" && page.state.to === "" && TIMED.includes(page.state.page)) page.go(page.opening());
    this.#beat();
  }

  /** Asks anew how many rows it holds: what a live view looks at often. */
  async count(): Promise<void> {
    this.#take(await wanted(api.GET("/api/v1/store")));
  }

  /** Asks anew what it holds, after an import. */
  async look(): Promise<void> {
    const [facts, configuration] = await Promise.all([wanted(api.GET("/api/v1/store")), wanted(api.GET("/api/v1/configuration"))]);
    this.configuration = configuration;
    this.#take(facts);
  }

  /** The range of a table's rows, or null when it has none. */
  extent(table: string): Range | null {
    const entry = this.facts?.tables.find((other) => other.table === table);
    if (!entry?.first || !entry.last) return null;
    return { from: Math.floor(parseInstant(entry.first)), to: Math.ceil(parseInstant(entry.last)) + 1 };
  }

  /** Rows of a table. */
  rows(table: string): number {
    const entry = this.facts?.tables.find((other) => other.table === table);
    return entry ? entry.rows + entry.memory_rows : 0;
  }

  /** A field of a table by name or alias. */
  field(table: string, name: string): Schema<"FieldEntry"> | undefined {
    const fields = this.catalogue.find((entry) => entry.table === table)?.fields;
    return fields?.find((field) => field.name === name || field.aliases.includes(name));
  }

  /** Whether the asker has a right. */
  may(right: Schema<"Permission">): boolean {
    return this.me?.permissions.includes(right) ?? false;
  }

  #take(facts: Schema<"StoreAnswer">): void {
    this.facts = facts;
    // All views together, so that another view keeps the range.
    const extents = ["exchanges", "tcp_sessions", "packets", "points", "log_records"].flatMap((table) => this.extent(table) ?? []);
    const data = { from: Math.min(...extents.map((range) => range.from)), to: Math.max(...extents.map((range) => range.to)) };
    if (extents.length === 0) page.data = null;
    else if (page.data?.from !== data.from || page.data.to !== data.to) page.data = data;
  }

  #beat(): void {
    clearTimeout(this.#timer);
    // A server that does not answer is asked again, less and less often, up to every minute.
    const wait = Math.min(BEAT_MS * 2 ** Math.min(this.#failures, 3), 60_000);
    this.#timer = setTimeout(() => {
      this.look().then(
        () => {
          // What failed meanwhile is asked again.
          if (this.offlineSince !== null) activity.renew();
          this.offlineSince = null;
          this.#failures = 0;
        },
        () => {
          this.offlineSince ??= Date.now();
          this.#failures += 1;
        },
      ).finally(() => this.#beat());
    }, wait);
  }
}
export const store = new Store();
