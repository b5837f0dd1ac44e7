/** Who took part in calls: services by name, clients by address, a service that calls others as itself. */
import { depths } from "../map/layout.ts";
import { type Call, endOf } from "./rows.ts";

/** A call between two actors, by their places in the list of them. */
export interface Arrow {
  call: Call;
  from: number;
  to: number;
}
export interface Cast {
  actors: string[];
  arrows: Arrow[];
  /** Addresses that only forward, and were left out. */
  hidden: string[];
  /** Callers that share a column; 0 when each has its own. */
  joined: number;
}
export interface CastWishes {
  merged: (name: string) => string;
  hide: boolean;
  /** Callers that are never called themselves share one column when there are more than so many. */
  clients: number;
  /** Actors in the order that a person gave them; others stand behind, by depth. */
  order: readonly string[];
}

const LOOP = /^(127\.0\.0\.1|::1)$/;
const SHARE = 0.9;
/** The column that callers share. */
export const CLIENTS = "clients";

/** The actors of calls, in an order in which most arrows lead right. */
export function cast(calls: readonly Call[], wishes: CastWishes): Cast {
  const home = new Map<string, string | null>();
  for (const call of calls) {
    if (LOOP.test(call.server)) continue;
    const known = home.get(call.server);
    // Several services behind one address: nobody knows which of them calls.
    home.set(call.server, known === undefined || known === call.service ? call.service : null);
  }
  const asking = forwarders(calls);
  const proxies = wishes.hide ? asking : new Set<string>();
  const parent = parents(calls);
  // What a proxy passed on is hidden with it, also where it was asked at another address.
  const passed = new Set(proxies.size === 0 ? [] : calls.filter((call) => proxies.has(call.client)).map(parent));
  const nameOf = (address: string) => wishes.merged(home.get(address) ?? address);
  const names = new Map<string, number>();
  const place = (name: string): number => {
    let at = names.get(name);
    if (at === undefined) names.set(name, (at = names.size));
    return at;
  };
  const told: { call: Call; caller: string; callee: string }[] = [];
  for (const call of calls) {
    if (proxies.has(call.server) || passed.has(call)) continue;
    // A proxy often has another address inside: then the call that it works on tells which service it is.
    const behind = asking.has(call.client) && !proxies.has(call.client) && !home.get(call.client) ? parent(call) : undefined;
    const caller = behind ? wishes.merged(behind.service) : nameOf(proxies.has(call.client) ? call.origin : call.client);
    told.push({ call, caller, callee: wishes.merged(call.service) });
  }
  const callees = new Set(told.map((pair) => pair.callee));
  const kept = new Set([...asking].map(nameOf));
  const outer = new Set(told.map((pair) => pair.caller).filter((name) => !callees.has(name) && !kept.has(name)));
  const joined = outer.size > wishes.clients ? outer.size : 0;
  const rough: Arrow[] = told.map(({ call, caller, callee }) => ({
    call, from: place(joined > 0 && outer.has(caller) ? CLIENTS : caller), to: place(callee),
  }));
  const all = [...names.keys()];
  const pairs = new Map(rough.map((arrow) => [`${arrow.from} ${arrow.to}`, [arrow.from, arrow.to] as const]));
  const called = new Set([...pairs.values()].filter(([from, to]) => from !== to).map(([, to]) => to));
  const depth = depths(all.length, [...pairs.values()], [...all.keys()].filter((at) => !called.has(at)));
  const wished = (at: number) => {
    const found = wishes.order.indexOf(all[at]!);
    return found < 0 ? wishes.order.length : found;
  };
  const sorted = [...all.keys()].sort((a, b) => wished(a) - wished(b) || depth[a]! - depth[b]! || a - b);
  const to = new Array<number>(all.length);
  sorted.forEach((old, at) => (to[old] = at));
  return {
    actors: sorted.map((at) => all[at]!), hidden: [...proxies], joined,
    arrows: rough.map((arrow) => ({ call: arrow.call, from: to[arrow.from]!, to: to[arrow.to]! })),
  };
}

/** Finds the call of the one that is asked for, during which a call was made; request ids must agree where both have one. */
function parents(calls: readonly Call[]): (call: Call) => Call | undefined {
  const by = new Map<string, Call[]>();
  for (const call of calls) {
    const own = by.get(call.client);
    if (own) own.push(call);
    else by.set(call.client, [call]);
  }
  return (call) => by.get(call.origin)?.findLast((one) =>
    one !== call && one.start <= call.start && endOf(one) >= call.start && (one.request === "" || call.request === "" || one.request === call.request));
}

/** Addresses that nearly always ask for others, but for those that are reached through such: they hand the header on. */
function forwarders(calls: readonly Call[]): Set<string> {
  const all = new Map<string, [number, number]>();
  for (const call of calls) {
    const sums = all.get(call.client) ?? [0, 0];
    all.set(call.client, [sums[0] + 1, sums[1] + (call.origin !== call.client ? 1 : 0)]);
  }
  const asking = new Set([...all].filter(([, [count, forwarded]]) => forwarded > 0 && forwarded >= count * SHARE).map(([address]) => address));
  const through = new Map<string, [number, number]>();
  for (const call of calls) {
    const sums = through.get(call.server) ?? [0, 0];
    through.set(call.server, [sums[0] + 1, sums[1] + (asking.has(call.client) ? 1 : 0)]);
  }
  return new Set([...asking].filter((address) => {
    const [count, forwarded] = through.get(address) ?? [0, 0];
    return count === 0 || forwarded < count / 2;
  }));
}

/** The actors with one moved to another place. */
export function moved(actors: readonly string[], from: number, to: number): string[] {
  const out = [...actors];
  const [one] = out.splice(from, 1);
  if (one !== undefined) out.splice(Math.max(0, Math.min(to, out.length)), 0, one);
  return out;
}
