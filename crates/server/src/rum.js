// Arachne: how this page was loaded. See docs/browser.md.
(function () {
  var s = document.currentScript, w = window, p = w.performance;
  if (!s || !p || !p.getEntriesByType) return;
  var d = s.dataset, n = Math.max(1, d.sample | 0);
  if (Math.random() * n >= 1) return;
  var to = d.to || new URL("rum", s.src).href, errors = 0, told = 0, vitals = {}, shift = 0, from = 0, last = 0, sum = 0;
  function send(q) {
    q.v = 1;
    q.p = d.page || location.pathname;
    if (d.release) q.r = d.release;
    if (n > 1) q.w = n;
    if (navigator.webdriver) q.bot = 1;
    var u = to + "?" + new URLSearchParams(q);
    if (!navigator.sendBeacon || !navigator.sendBeacon(u)) new Image().src = u;
  }
  function ms(t) { return Math.round(t * 10) / 10; }
  function join(q, e) {
    var parts = [];
    if (d.request) q.id = d.request;
    (e.serverTiming || []).forEach(function (t) {
      if (t.name == "rid") q.id = t.description;
      else if (t.duration) parts.push(t.name + ":" + ms(t.duration));
    });
    if (parts.length) q.st = parts.join(",");
  }
  function navigation() {
    var e = p.getEntriesByType("navigation")[0];
    if (told || !e || !e.responseStart) return;
    told = 1;
    var a = e.activationStart || 0, tls = e.secureConnectionStart > 0 ? e.connectEnd - e.secureConnectionStart : 0, q = {};
    function put(k, from, to) { if (to > 0 && to >= from) q[k] = ms(to - from); }
    put("redirect", e.redirectStart, e.redirectEnd);
    put("dns", e.domainLookupStart, e.domainLookupEnd);
    put("tcp", e.connectStart, e.connectEnd - tls);
    if (tls) q.tls = ms(tls);
    put("server", e.requestStart, e.finalResponseHeadersStart || e.responseStart);
    put("transfer", e.responseStart, e.responseEnd);
    put("processing", e.responseEnd, e.loadEventStart);
    put("load", a, e.loadEventStart);
    join(q, e);
    send(q);
  }
  function watch(type, f, more) {
    try {
      new PerformanceObserver(function (l) { l.getEntries().forEach(f); }).observe(Object.assign({ type: type, buffered: true }, more));
    } catch (e) {}
  }
  // A browser may lack any of these.
  watch("largest-contentful-paint", function (e) { vitals.lcp = ms(e.startTime); });
  watch("paint", function (e) { if (e.name == "first-contentful-paint") vitals.fcp = ms(e.startTime); });
  watch("layout-shift", function (e) {
    if (e.hadRecentInput) return;
    if (e.startTime - last > 1000 || e.startTime - from > 5000) { from = e.startTime; sum = 0; }
    last = e.startTime; sum += e.value; shift = Math.max(shift, sum);
  });
  watch("event", function (e) {
    if (e.interactionId) vitals.inp = Math.max(vitals.inp || 0, ms(e.duration));
  }, { durationThreshold: 40 });
  w.addEventListener("error", function () { errors++; });
  function end() {
    navigation();
    if (vitals.fcp === undefined && !errors) return;
    vitals.cls = Math.round(shift * 1e4) / 1e4;
    if (errors) vitals.err = errors;
    var e = p.getEntriesByType("navigation")[0];
    if (e) join(vitals, e);
    send(vitals);
    vitals = {}; errors = shift = 0; end = function () {};
  }
  w.addEventListener("load", function () { setTimeout(navigation); });
  document.addEventListener("visibilitychange", function () { if (document.visibilityState == "hidden") end(); });
  w.addEventListener("pagehide", function () { end(); });
  if (document.readyState == "complete") setTimeout(navigation);
})();
