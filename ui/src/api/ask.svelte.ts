/**
 * Questions about rows. All that panels ask in one tick goes out as one request, whose answers stream back with progress;
 * a newer question takes the place of an older one, and closing the request stops the server's work.
 */
import { untrack } from "svelte";
import { checked, Failure, type Schema } from "./client.ts";

export type Question = Schema<"Panel">;
type Kind = Question["kind"];
/** The question of a kind. */
export type QuestionOf<K extends Kind> = Extract<Question, { kind: K }>;
/** The answer of a kind. */
export type AnswerOf<K extends Kind> = Extract<Schema<"PanelAnswer">, { kind: K }>;

/** How long a question may take before the page says that it works, in milliseconds. */
const QUIET_MS = 150;

/** What a panel shows: the last answer stays while the next one is on its way. */
export class Asked<K extends Kind> {
  /** The last answer. */
  answer: AnswerOf<K> | null = $state.raw(null);
  /** The question that `answer` belongs to. */
  question: QuestionOf<K> | null = $state.raw(null);
  /** Why there is none. */
  failure: Failure | null = $state.raw(null);
  /** Whether a question is on its way. */
  waiting = $state(false);
  /** Whether it has been so for longer than people notice. */
  slow = $state(false);
  /** Whether it was stopped: `answer` is an older one, or none. */
  stopped = $state(false);
  /** @internal */
  ticket = 0;
}

interface Wish {
  asked: Asked<Kind>;
  ticket: number;
  question: Question;
}

/** A request on its way. */
interface Flight {
  controller: AbortController;
  wishes: Wish[];
  left: Set<number>;
}

/** What is on its way over all panels: the bar at the top shows it. */
class Activity {
  flights: Flight[] = $state.raw([]);
  rows = $state(0);
  rowsTotal = $state(0);
  since = $state(0);
  stopping = $state(false);
  /** Whether something was stopped, so that older pictures stand beside newer ones. */
  stopped = $state(false);
  /** Counts how often everything was asked anew. */
  round = $state(0);

  /** Stops everything that runs; the server stops working on it. */
  stop(): void {
    this.stopping = true;
    this.stopped = true;
    for (const flight of this.flights) flight.controller.abort();
  }

  /** Asks everything on the page once more: after a stop, or when rows came. */
  renew(): void {
    this.stopped = false;
    this.round += 1;
  }
}
export const activity = new Activity();

let queue: Wish[] = [];

/**
 * Asks whenever what `question` reads changes; null asks nothing. Call it while a component is set up.
 */
export function ask<K extends Kind>(question: () => QuestionOf<K> | null): Asked<K> {
  const asked = new Asked<K>();
  let last = "";
  $effect(() => {
    const next = question();
    const key = `${activity.round} ${JSON.stringify(next)}`;
    if (key === last) return;
    last = key;
    untrack(() => put(asked as unknown as Asked<Kind>, next));
  });
  $effect(() => () => put(asked as unknown as Asked<Kind>, null));
  return asked;
}

/** Asks once more, also what was asked before. */
export function again<K extends Kind>(asked: Asked<K>, question: QuestionOf<K>): void {
  put(asked as unknown as Asked<Kind>, question);
}

function put(asked: Asked<Kind>, question: Question | null): void {
  asked.ticket += 1;
  dropSuperseded();
  if (!question) {
    asked.waiting = false;
    asked.slow = false;
    return;
  }
  asked.waiting = true;
  asked.stopped = false;
  const ticket = asked.ticket;
  setTimeout(() => {
    if (asked.ticket === ticket && asked.waiting) asked.slow = true;
  }, QUIET_MS);
  if (queue.length === 0) queueMicrotask(flush);
  queue.push({ asked, ticket, question });
}

/** Ends requests that nobody waits for any more. */
function dropSuperseded(): void {
  for (const flight of activity.flights) {
    const wanted = [...flight.left].some((at) => flight.wishes[at]!.asked.ticket === flight.wishes[at]!.ticket);
    if (!wanted) flight.controller.abort();
  }
}

function flush(): void {
  const wishes = queue.filter((wish) => wish.asked.ticket === wish.ticket);
  queue = [];
  if (wishes.length > 0) void fly(wishes);
}

async function fly(wishes: Wish[]): Promise<void> {
  const flight: Flight = { controller: new AbortController(), wishes, left: new Set(wishes.keys()) };
  if (activity.flights.length === 0) Object.assign(activity, { rows: 0, rowsTotal: 0, since: Date.now(), stopping: false, stopped: false });
  activity.flights = [...activity.flights, flight];
  let failure: Failure | null = null;
  try {
    await stream(flight);
    if (flight.left.size > 0) failure = new Failure({ code: "cut", title: "The answer ended early." });
  } catch (error) {
    if (error instanceof Failure) failure = error;
    else if (flight.controller.signal.aborted) failure = null;
    else failure = new Failure({ code: "unreadable", title: error instanceof Error ? error.message : String(error) });
  }
  for (const at of flight.left) end(wishes[at]!, failure);
  activity.flights = activity.flights.filter((other) => other !== flight);
}

/** A wish without an answer: it failed, or was stopped. */
function end(wish: Wish, failure: Failure | null): void {
  const { asked, ticket } = wish;
  if (asked.ticket !== ticket) return;
  asked.failure = failure;
  asked.stopped = failure === null;
  asked.waiting = false;
  asked.slow = false;
}

async function stream(flight: Flight): Promise<void> {
  const response = await checked(fetch("/api/v1/query/batch", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ panels: flight.wishes.map((wish) => wish.question) }),
    signal: flight.controller.signal,
  }));
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    text += value;
    const lines = text.split("\n");
    text = lines.pop()!;
    for (const line of lines) if (line !== "") take(flight, JSON.parse(line) as Schema<"BatchLine">);
  }
}

function take(flight: Flight, line: Schema<"BatchLine">): void {
  if ("progress" in line) {
    activity.rows = line.progress.rows;
    activity.rowsTotal = line.progress.rows_total;
    return;
  }
  if (!("panel" in line)) return;
  const { at, answer, problem } = line.panel;
  flight.left.delete(at);
  const { asked, ticket, question } = flight.wishes[at]!;
  if (asked.ticket !== ticket) return;
  if (answer) {
    asked.answer = answer as AnswerOf<Kind>;
    asked.question = question as QuestionOf<Kind>;
  }
  asked.failure = problem ? new Failure(problem) : null;
  asked.waiting = false;
  asked.slow = false;
}
