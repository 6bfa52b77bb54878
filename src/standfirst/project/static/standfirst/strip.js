// Fills in the strip in the header from the display-only cookie. Pages hold nothing of one person.
(() => {
  const strip = document.querySelector(".strip");
  const found = document.cookie.match(/(?:^|;\s*)strip=([^;]*)/);
  if (!strip) return;
  let told = null;
  try { told = found && JSON.parse(decodeURIComponent(found[1])); } catch { /* shows as signed out */ }
  if (!told) {
    strip.textContent = "Log in";
    const here = location.pathname + location.search;
    const back = /^\/(account|join)\//.test(here) || here === "/" ? "" : "?next=" + encodeURIComponent(here);
    strip.href = strip.dataset.login + back;
    return;
  }
  document.documentElement.classList.add("known"); // hides what is said to visitors only
  const rest = document.querySelector("#rest");
  if (rest && /(?:^|;\s*)thanks=1/.test(document.cookie)) {
    document.cookie = "thanks=; path=/; max-age=0";
    const thanks = document.createElement("p");
    thanks.className = "notice good";
    thanks.setAttribute("role", "status");
    thanks.textContent = "Thank you. From now on everything is open to you.";
    rest.prepend(thanks);
  }
  if (told.subscribes) document.documentElement.classList.add("subscribed");
  strip.textContent = told.name || "Your account";
  if (told.staff) {
    const newsroom = document.createElement("a");
    newsroom.href = strip.dataset.newsroom;
    newsroom.textContent = "Newsroom";
    strip.before(newsroom);
  } else if (Number.isInteger(told.left)) {
    const left = document.createElement("span");
    left.textContent = told.left + (told.left === 1 ? " choice left" : " choices left");
    strip.append(left);
  }
})();
// A second click while the first is at work sends nothing; back from the next page, all is as it was.
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || !/\/(join\/now|all-access\/buy\/\d+)\/(#|$)/.test(form.action)) return;
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "1";
});
addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
});
