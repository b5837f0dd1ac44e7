/** Captures on their way into the store: sent with progress, then watched until they are imported. */
import { api, Failure, type Schema, wanted } from "../api/client.ts";
import { activity } from "../api/ask.svelte.ts";
import { parseInstant } from "./format.ts";
import { page } from "./page.svelte.ts";
import { store } from "./store.svelte.ts";
import type { Range } from "./time.ts";
import type { View } from "./url.ts";

const POLL_MS = 500;

/** A capture on its way. */
export class Upload {
  readonly file: File;
  readonly name: string;
  readonly size: number;
  state: "sending" | "waiting" | "running" | "finished" | "failed" | "stopped" = $state("sending");
  /** Bytes that were sent. */
  sent = $state(0);
  operation: Schema<"OperationAnswer"> | null = $state.raw(null);
  problem = $state("");
  /** Whether it is there from an import with other options, whose place it could take. */
  replaceable = $state(false);
  #request = new XMLHttpRequest();

  constructor(file: File, replace = false) {
    this.file = file;
    this.name = file.name;
    this.size = file.size;
    const request = this.#request;
    request.open("POST", `/api/v1/uploads?label=${encodeURIComponent(file.name.slice(0, 200))}${replace ? "&replace=true" : ""}`);
    request.setRequestHeader("content-type", "application/octet-stream");
    request.upload.onprogress = (event) => (this.sent = event.loaded);
    request.onload = () => this.#answered(request.status, request.responseText);
    request.onerror = () => this.#fail("The server could not be reached, or it closed the connection.");
    request.onabort = () => (this.state = "stopped");
    request.send(file);
  }

  /** How much is done, 0 to 1. */
  get share(): number {
    if (this.state === "sending") return this.size > 0 ? this.sent / this.size : 0;
    const { operation } = this;
    return operation && operation.bytes_total > 0 ? operation.bytes / operation.bytes_total : 0;
  }

  get busy(): boolean {
    return this.state === "sending" || this.state === "waiting" || this.state === "running";
  }

  /** Stops sending or importing; what was committed stays. */
  async stop(): Promise<void> {
    if (this.state === "sending") this.#request.abort();
    else if (this.operation) {
      await wanted(api.DELETE("/api/v1/operations/{id}", { params: { path: { id: this.operation.id } } })).catch(() => undefined);
    }
  }

  /** Where its rows are: a view and their range; null when it brought none. */
  async came(): Promise<{ view: View; range: Range } | null> {
    const imported = this.operation?.import;
    if (!imported) return null;
    const rows = imported.rows;
    const view: View = (rows["exchanges"] ?? 0) > 0 ? "http" : (rows["tcp_sessions"] ?? 0) > 0 ? "tcp" : "packets";
    const route = view === "http" ? "/api/v1/exchanges" : view === "tcp" ? "/api/v1/sessions" : "/api/v1/packets";
    if (view === "packets") return page.data ? { view, range: page.data } : null;
    const edge = async (ascending: boolean) => {
      const answer = await fetch(`${route}?filter=source:${imported.source}&columns=start&limit=1&ascending=${ascending}`);
      const list = (await answer.json()) as { rows: string[][] };
      const start = list.rows[0]?.[0];
      return start === undefined ? null : parseInstant(start);
    };
    const [first, last] = await Promise.all([edge(true), edge(false)]);
    if (first === null || last === null) return null;
    // A little room at the end, for what began last.
    const room = Math.max(1000, (last - first) * 0.02);
    return { view, range: { from: Math.floor(first - room / 2), to: Math.ceil(last + room) } };
  }

  #answered(status: number, text: string): void {
    let answer: unknown = null;
    try {
      answer = JSON.parse(text);
    } catch {
      // Said below.
    }
    if (status === 202 && answer) void this.#watch(answer as Schema<"OperationAnswer">);
    else this.#fail(new Failure({ status, ...(typeof answer === "object" ? answer : {}) }).message);
  }

  async #watch(first: Schema<"OperationAnswer">): Promise<void> {
    let operation = first;
    let failures = 0;
    for (;;) {
      this.operation = operation;
      this.state = operation.state as Upload["state"];
      if (operation.problem) {
        this.problem = operation.problem.detail || operation.problem.title;
        this.replaceable = operation.problem.detail.includes("replace=true");
      }
      if (!this.busy) break;
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      try {
        operation = await wanted(api.GET("/api/v1/operations/{id}", { params: { path: { id: operation.id } } }));
        failures = 0;
      } catch (error) {
        // The import goes on without anybody watching: a while is waited for the server.
        failures += 1;
        if (failures > 20) return this.#fail(error instanceof Error ? error.message : String(error));
      }
    }
    await store.look().catch(() => undefined); // The heart beat looks again.
    activity.renew();
  }

  #fail(why: string): void {
    this.state = "failed";
    this.problem = why;
  }
}

class Uploads {
  all: Upload[] = $state.raw([]);

  add(files: Iterable<File>): void {
    this.all = [...[...files].map((file) => new Upload(file)), ...this.all];
  }

  /** Imports a capture in the place of what was imported of it with other options. */
  replace(upload: Upload): void {
    this.all = this.all.map((other) => (other === upload ? new Upload(upload.file, true) : other));
  }

  drop(upload: Upload): void {
    this.all = this.all.filter((other) => other !== upload);
  }
}
export const uploads = new Uploads();
