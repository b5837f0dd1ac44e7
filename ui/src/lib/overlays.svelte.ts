/** What lies over the page; one at a time. */

export type Overlay = "" | "help" | "palette" | "views" | "settings" | "upload" | "marks";

class Overlays {
  open: Overlay = $state("");
  #before: Element | null = null;

  show(which: Overlay): void {
    if (this.open === "") this.#before = document.activeElement;
    this.open = which;
  }

  toggle(which: Overlay): void {
    if (this.open === which) this.close();
    else this.show(which);
  }

  /** Gives the focus back to where it was. */
  close(): void {
    if (this.open === "") return;
    this.open = "";
    if (this.#before instanceof HTMLElement && this.#before.isConnected) this.#before.focus();
    this.#before = null;
  }
}
export const overlays = new Overlays();
