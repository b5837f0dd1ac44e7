// Runs before the first paint, so that a chosen theme does not flash. Kept apart since the CSP allows no inline script.
try {
  var kept = JSON.parse(localStorage.getItem("arachne.preferences") || "{}");
  var forced = new URLSearchParams(location.search).get("theme");
  var theme = forced || kept.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  document.documentElement.dataset.theme = theme === "dark" ? "dark" : "light";
  if (kept.density === "cosy") document.documentElement.dataset.density = "cosy";
} catch (_) {
  // A browser that refuses storage gets the system's theme.
}
