// Results while one types. Without this script the same form works by its button.
(() => {
  const form = document.getElementById("search");
  const box = document.getElementById("q");
  const found = document.getElementById("found");
  const said = document.getElementById("said");
  if (!form || !box || !found || !window.AbortController || !window.DOMParser) return;
  const PAUSE = 220; // milliseconds after the last key
  const SHORTEST = 2; // letters
  const beginning = location.search ? null : found.innerHTML;
  let waiting = 0;
  let asking = null;
  let shown = location.search;
  let here = location.search; // the address for which the page stands

  // Where nothing was found and that has stood for a while, the newsroom is told: of the search,
  // not of the reader.
  const STANDS = 2000; // milliseconds
  let standing = 0;
  const reported = new Set();
  const report = () => {
    clearTimeout(standing);
    const { report, to } = document.getElementById("missed")?.dataset || {};
    if (!report || reported.has(box.value) || !navigator.sendBeacon) return;
    standing = setTimeout(() => {
      if (document.hidden || document.prerendering) return;
      reported.add(box.value);
      navigator.sendBeacon(to, new URLSearchParams({ search: report }));
    }, STANDS);
  };
  report();

  const address = () => {
    const fields = [...new FormData(form)].filter(([name, value]) => value || name === "q");
    return "?" + new URLSearchParams(fields);
  };

  const show = (page) => {
    const focused = found.contains(document.activeElement) ? document.activeElement.id : "";
    const open = document.getElementById("narrow")?.open;
    found.innerHTML = page.getElementById("found").innerHTML;
    document.getElementById("completions").innerHTML = page.getElementById("completions").innerHTML;
    const narrow = document.getElementById("narrow");
    if (narrow && open) narrow.open = true;
    wide();
    if (focused) document.getElementById(focused)?.focus();
    said.textContent = document.getElementById("count")?.textContent || "";
    report();
  };

  const ask = async (step) => {
    asking?.abort();
    const query = address();
    if (query === shown) return;
    if (box.value.trim().length < SHORTEST && ![...new FormData(form)].some(([n, v]) => n !== "q" && v)) {
      if (beginning !== null && shown) {
        found.innerHTML = beginning;
        history.replaceState(null, "", location.pathname);
        here = "";
      }
      shown = "";
      return;
    }
    asking = new AbortController();
    try {
      const answer = await fetch(form.action + query, { signal: asking.signal, credentials: "same-origin" });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (!page.getElementById("found")) return;
      show(page);
      shown = query;
      document.title = page.title;
      // Back undoes a choice, not each letter.
      if (step) history.pushState(null, "", query);
      else history.replaceState(null, "", query);
      here = location.search;
    } catch { /* a newer question, or no network: the button still works */ }
  };

  // Where there is room, the ways to narrow down stand open beside the results.
  const room = window.matchMedia("(min-width: 64rem)");
  const wide = () => {
    const narrow = document.getElementById("narrow");
    if (narrow && room.matches) narrow.open = true;
  };
  wide();

  box.addEventListener("input", () => {
    clearTimeout(waiting);
    clearTimeout(standing);
    waiting = setTimeout(() => ask(false), PAUSE);
  });
  document.addEventListener("change", (event) => {
    if (event.target.form === form && event.target !== box) ask(true);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(waiting);
    ask(true);
  });
  window.addEventListener("popstate", () => {
    if (location.search !== here) location.replace(location.pathname + location.search);
  });
})();
