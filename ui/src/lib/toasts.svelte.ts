/** Short words at the edge that go by themselves; those with something to click stay longer. */

export interface Toast {
  id: number;
  text: string;
  kind: "note" | "bad";
  action: { label: string; run: () => void } | null;
}

class Toasts {
  all: Toast[] = $state.raw([]);
  #last = 0;

  say(text: string, options: { kind?: Toast["kind"]; action?: Toast["action"] } = {}): void {
    const toast: Toast = { id: (this.#last += 1), text, kind: options.kind ?? "note", action: options.action ?? null };
    // The same words twice are said once, and no more than four stand there.
    this.all = [...this.all.filter((other) => other.text !== text), toast].slice(-4);
    setTimeout(() => this.drop(toast.id), toast.kind === "bad" || toast.action ? 10_000 : 4000);
  }

  drop(id: number): void {
    this.all = this.all.filter((toast) => toast.id !== id);
  }
}
export const toasts = new Toasts();
