import { mount } from "svelte";
import { preferences } from "./lib/preferences.svelte.ts";
import App from "./App.svelte";
import "./styles/theme.css";

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => preferences.show());
// Not in the way of what is seen first.
setTimeout(() => void import("./lib/callers.ts").then(({ tellCalls }) => tellCalls(), () => undefined), 5000);
mount(App, { target: document.getElementById("app")! });
