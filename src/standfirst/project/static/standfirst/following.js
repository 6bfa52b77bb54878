// Following without leaving the page, and what is followed already, on pages that are the same for
// all. What is followed is asked for once an hour and kept in this browser; without script the
// button posts, and a visitor's always does: it leads to joining.
(() => {
  const KEY = "followed";
  const HOUR = 3_600_000;
  const button = document.querySelector("button.follow[data-subject]");
  const known = document.documentElement.classList.contains("known"); // by strip.js
  const who = (document.cookie.match(/(?:^|;\s*)strip=([^;]*)/) || ["", ""])[1].split("left")[0];
  if (!known || !button) return;

  const kept = () => {
    try {
      const told = JSON.parse(localStorage.getItem(KEY));
      return told && told.who === who && Date.now() - told.at < HOUR ? told : null;
    } catch { return null; }
  };
  const keep = (names, at = Date.now()) => {
    try { localStorage.setItem(KEY, JSON.stringify({ who, at, names })); } catch { /* asked again */ }
  };
  const { form } = button;
  const subject = button.dataset.subject;
  const isFollowed = () => {
    const link = document.createElement("a");
    link.href = form.dataset.list;
    link.textContent = "You follow this";
    const focused = document.activeElement === button;
    button.replaceWith(link);
    if (focused) link.focus();
  };
  const shown = (names) => { if (names.includes(subject)) isFollowed(); };

  const told = kept();
  // Whoever comes from the list may have removed it there.
  if (told && !told.names.includes(subject)) shown(told.names);
  else {
    fetch(form.dataset.ids, { credentials: "same-origin" })
      .then((answer) => answer.json())
      .then(({ followed }) => { keep(followed); shown(followed); })
      .catch(() => {}); // the button says what it does, whatever is followed
  }

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const headers = { Accept: "application/json" };
      const answer = await fetch(form.action, { method: "POST", headers, credentials: "same-origin" });
      const { sentence } = await answer.json();
      const note = form.querySelector("span");
      note.setAttribute("role", "status");
      note.textContent = sentence;
      if (answer.ok) {
        const before = kept();
        if (before) keep([subject, ...before.names], before.at);
        isFollowed();
      }
    } catch {
      button.disabled = false;
      form.submit(); // the session is over, or no network: as without script
    }
  });
})();
