/** One answer of the server that follows a key: the old one stays, dimmed, while the next is on its way. */
import { untrack } from "svelte";
import { checked, Failure, type Schema } from "../api/client.ts";
import { Item } from "./item.ts";

const QUIET_MS = 150;

export class Loading<T> {
  value: T | null = $state.raw(null);
  /** The key that `value` belongs to. */
  key: string | null = $state(null);
  failure: Failure | null = $state.raw(null);
  /** On its way for longer than people notice. */
  slow = $state(false);
  /** Asks again. */
  again: () => void = () => undefined;
}

/** Loads whenever `key` changes; null loads nothing and forgets. Call it while a component is set up. */
export function load<T>(key: () => string | null, get: (key: string, signal: AbortSignal) => Promise<T>): Loading<T> {
  const loading = new Loading<T>();
  let attempt = $state(0);
  loading.again = () => {
    attempt += 1;
  };
  $effect(() => {
    const wanted = key();
    void attempt;
    const controller = new AbortController();
    untrack(() => {
      if (wanted === null) Object.assign(loading, { value: null, key: null, failure: null, slow: false });
      else void run(loading, wanted, get, controller.signal);
    });
    return () => controller.abort();
  });
  return loading;
}

async function run<T>(loading: Loading<T>, key: string, get: (key: string, signal: AbortSignal) => Promise<T>, signal: AbortSignal): Promise<void> {
  const timer = setTimeout(() => {
    loading.slow = true;
  }, QUIET_MS);
  try {
    const value = await get(key, signal);
    if (!signal.aborted) Object.assign(loading, { value, key, failure: null });
  } catch (error) {
    if (!signal.aborted) {
      loading.failure = error instanceof Failure ? error : new Failure({ code: "unreadable", title: error instanceof Error ? error.message : String(error) });
      if (loading.key !== key) Object.assign(loading, { value: null, key: null });
    }
  } finally {
    clearTimeout(timer);
    if (!signal.aborted) loading.slow = false;
  }
}

/** JSON of an address. */
export async function json<T>(address: string, signal: AbortSignal): Promise<T> {
  return (await (await checked(fetch(address, { signal }))).json()) as T;
}

/** A row with all its columns. */
export async function item(address: string, signal: AbortSignal): Promise<Item> {
  return new Item(await json<Schema<"ItemAnswer">>(address, signal));
}
