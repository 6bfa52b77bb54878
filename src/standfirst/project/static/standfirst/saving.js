// Saving for later without leaving the page, and what is saved already, on pages that are the same
// for all. The ids are asked for once an hour and kept in this browser; without script the buttons post.
(() => {
  const KEY = "saved";
  const HOUR = 3_600_000;
  const known = document.documentElement.classList.contains("known"); // by strip.js
  const who = (document.cookie.match(/(?:^|;\s*)strip=([^;]*)/) || ["", ""])[1].split("left")[0];

  const kept = () => {
    try {
      const told = JSON.parse(localStorage.getItem(KEY));
      return told && told.who === who && Date.now() - told.at < HOUR ? told : null;
    } catch { return null; }
  };
  const keep = (ids, at = Date.now()) => {
    try { localStorage.setItem(KEY, JSON.stringify({ who, at, ids })); } catch { /* asked for again */ }
  };
  const forget = () => { try { localStorage.removeItem(KEY); } catch { /* nothing was kept */ } };

  const isOnList = (button, list) => {
    const link = document.createElement("a");
    link.className = "on-list";
    link.href = list;
    link.textContent = "On your list";
    const focused = document.activeElement === button;
    button.replaceWith(link);
    if (focused) link.focus();
  };

  // The list itself may change what is saved; who is not signed in has none.
  if (!known || document.body.classList.contains("account")) forget();
  if (!known) return;

  const button = document.querySelector("button.save[data-article]");
  const form = document.getElementById("save");
  if (button && form) {
    const shown = (ids) => {
      if (ids.includes(Number(button.dataset.article))) isOnList(button, form.dataset.list);
    };
    const told = kept();
    if (told) shown(told.ids);
    else {
      fetch(form.dataset.ids, { credentials: "same-origin" })
        .then((answer) => answer.json())
        .then(({ saved }) => { keep(saved); shown(saved); })
        .catch(() => {}); // the button says what it does, whatever is saved
    }
  }

  document.addEventListener("click", async (event) => {
    const pressed = event.target.closest?.("button.save");
    if (!pressed || event.defaultPrevented) return;
    event.preventDefault();
    const owner = pressed.form;
    const target = pressed.hasAttribute("formaction") ? pressed.formAction : owner.action;
    try {
      const headers = { Accept: "application/json" };
      const answer = await fetch(target, { method: "POST", headers, credentials: "same-origin" });
      const { sentence } = await answer.json();
      if (answer.ok) {
        const told = kept();
        const id = Number(target.match(/(\d+)\/$/)?.[1]);
        if (told && id) keep([id, ...told.ids], told.at);
        isOnList(pressed, owner.dataset.list);
      } else {
        pressed.textContent = sentence;
        pressed.disabled = true;
      }
    } catch {
      owner.action = target; // the session is over, or no network: as without script
      owner.submit();
    }
  });
})();
