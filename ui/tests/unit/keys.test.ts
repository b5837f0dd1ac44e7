import { beforeEach, describe, expect, test, vi } from "vitest";

/** As much of an element as keys need. */
class Element {
  constructor(readonly typing: boolean) {}
  closest(): Element | null {
    return this.typing ? this : null;
  }
}
vi.stubGlobal("HTMLElement", Element);
const { commands } = await import("../../src/lib/keys.svelte.ts");
const { preferences } = await import("../../src/lib/preferences.svelte.ts");

let done: string[] = [];
let stamp = 0;
const command = (id: string, keys: string[], when?: () => boolean) => ({ id, label: id, group: "General", keys, run: () => void done.push(id), ...(when ? { when } : {}) });

function press(key: string, more: Partial<KeyboardEvent> & { typing?: boolean } = {}): boolean {
  let prevented = false;
  const { typing = false, ...rest } = more;
  const event = {
    key, code: "", isComposing: false, defaultPrevented: false, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false,
    timeStamp: (stamp += 100), target: new Element(typing), preventDefault: () => (prevented = true), ...rest,
  };
  commands.press(event as unknown as KeyboardEvent);
  return prevented;
}

beforeEach(() => {
  done = [];
  stamp += 5000;
  commands.all = [];
  preferences.value.keys = true;
});

describe("keys", () => {
  test("one key, and by its place on keyboards of other alphabets", () => {
    commands.add([command("undo", ["z"]), command("redo", ["Shift+z"])]);
    expect(press("z")).toBe(true);
    press("я", { code: "KeyZ" });
    press("Z", { shiftKey: true });
    expect(done).toEqual(["undo", "undo", "redo"]);
    expect(press("k")).toBe(false);
  });
  test("signs are what they print, wherever they stand", () => {
    commands.add([command("help", ["?"]), command("filter", ["/"])]);
    press("?", { shiftKey: true });
    press("/");
    expect(done).toEqual(["help", "filter"]);
  });
  test("two keys in a row, soon", () => {
    commands.add([command("explore", ["g e"]), command("errors", ["e"])]);
    press("g");
    press("e");
    press("e");
    press("g");
    stamp += 2000;
    press("e");
    expect(done).toEqual(["explore", "errors", "errors"]);
  });
  test("silent while somebody types or composes", () => {
    commands.add([command("live", ["l"]), command("palette", ["Ctrl+k"]), command("leave", ["Escape"])]);
    press("l", { typing: true });
    press("l", { isComposing: true });
    press("k", { ctrlKey: true, typing: true });
    press("Escape", { typing: true });
    expect(done).toEqual(["palette", "leave"]);
  });
  test("the one that came last wins while it makes sense", () => {
    let open = true;
    commands.add([command("page", ["j"])]);
    const gone = commands.add([command("panel", ["j"], () => open)]);
    press("j");
    open = false;
    press("j");
    gone();
    press("j");
    expect(done).toEqual(["panel", "page", "page"]);
  });
  test("single keys can be switched off", () => {
    preferences.value.keys = false;
    commands.add([command("live", ["l"]), command("palette", ["Ctrl+k"]), command("down", ["ArrowDown"])]);
    press("l");
    press("k", { ctrlKey: true });
    press("ArrowDown");
    expect(done).toEqual(["palette", "down"]);
  });
});
