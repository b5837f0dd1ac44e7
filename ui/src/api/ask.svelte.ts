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
  /** Whether `answer` is that of a first look, about a part of what was asked: the whole is on its way. */
  partial = $state(false);
  /** @internal */
  ticket = 0;
}

interface Wish {
  asked: Asked<Kind>;
  ticket: number;
  question: Question;
  /** Whether another wish asks for the whole. */
  look: boolean;
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
  /** How long the last answers took, all of them, in milliseconds. */
  took = 0;
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
 * Asks whenever what `question` reads changes; null asks nothing. Where the whole takes long, `look` gives a smaller question,
 * whose answer is shown until that of the whole comes. Call it while a component is set up.
 */
export function ask<K extends Kind>(question: () => QuestionOf<K> | null, look?: (whole: QuestionOf<K>) => QuestionOf<K> | null): Asked<K> {
  const asked = new Asked<K>();
  let last = "";
  $effect(() => {
    const next = question();
    const key = `${activity.round} ${JSON.stringify(next)}`;
    if (key === last) return;
    last = key;
    // While only the range moves, the picture from before tells more than a part of the new one.
    untrack(() => put(asked as unknown as Asked<Kind>, next, next && look && timeless(next) !== timeless(asked.question) ? look(next) : null));
  });
  $effect(() => () => put(asked as unknown as Asked<Kind>, null));
  return asked;
}

/** What is asked, apart from the range. */
function timeless(question: Question | null): string {
  return JSON.stringify(question, (key, value: unknown) => (key === "from" || key === "to" || key === "step" ? undefined : value));
}

/** Asks once more, also what was asked before. */
export function again<K extends Kind>(asked: Asked<K>, question: QuestionOf<K>): void {
  put(asked as unknown as Asked<Kind>, question);
}

function put(asked: Asked<Kind>, question: Question | null, look: Question | null = null): void {
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
  // The server answers in this order, but for lists, which are quick and come first.
  if (look) queue.push({ asked, ticket, question: look, look: true });
  queue.push({ asked, ticket, question, look: false });
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
  if (activity.flights.length === 0) activity.took = Date.now() - activity.since;
}

/** A wish without an answer: it failed, or was stopped. */
function end(wish: Wish, failure: Failure | null): void {
  const { asked, ticket, look } = wish;
  if (asked.ticket !== ticket || look) return;
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

/** Says to whoever measures that an answer is there and will be drawn with the next frame. */
function shown(kind: Kind): void {
  performance.clearMarks(`answer ${kind}`);
  performance.mark(`answer ${kind}`);
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
  const { asked, ticket, question, look } = flight.wishes[at]!;
  // A first look that failed, or that comes after the whole, tells nothing.
  if (asked.ticket !== ticket || (look && (!answer || !asked.waiting))) return;
  if (answer) {
    asked.answer = answer as AnswerOf<Kind>;
    asked.question = question as QuestionOf<Kind>;
    asked.partial = look;
    shown(question.kind);
  }
  if (look) return;
  asked.failure = problem ? new Failure(problem) : null;
  asked.waiting = false;
  asked.slow = false;
}
