// A sending's figures while it runs. Without this script a reload shows the same.
(() => {
  const page = document.querySelector("[data-live]");
  if (!page) return;
  const EVERY = 2000;

  async function look() {
    try {
      const answer = await fetch(page.dataset.live, { headers: { Accept: "application/json" } });
      if (!answer.ok) throw new Error(answer.statusText);
      const told = await answer.json();
      page.querySelector("[data-state]").textContent = told.state;
      page.querySelector("[data-share]").value = told.share;
      for (const place of page.querySelectorAll("[data-figure]")) {
        place.textContent = told.figures[place.dataset.figure];
      }
      if (!told.runs) {
        location.reload(); // other buttons, and what came back
        return;
      }
    } catch {
      // The next look may succeed.
    }
    setTimeout(look, EVERY);
  }

  setTimeout(look, EVERY);
})();
