import { mount } from "svelte";
import { preferences } from "./lib/preferences.svelte.ts";
import App from "./App.svelte";
import "./styles/theme.css";

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => preferences.show());
mount(App, { target: document.getElementById("app")! });
