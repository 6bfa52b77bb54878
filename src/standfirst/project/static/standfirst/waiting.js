// Looks, less and less often, whether a payment is confirmed; then the page turns into the article.
(() => {
  const waits = document.querySelector("[data-pauses]");
  const pauses = waits.dataset.pauses.split(" ").map(Number);
  const look = () => {
    if (!pauses.length) {
      waits.querySelector("[data-while]").hidden = true;
      waits.querySelector("[data-after]").hidden = false;
      return;
    }
    setTimeout(() => {
      fetch(location.pathname, { method: "HEAD", redirect: "manual", cache: "no-store" })
        .then((answer) => {
          if (answer.type === "opaqueredirect" || answer.status === 410) location.replace(location.pathname);
          else look();
        })
        .catch(look); // offline for a moment
    }, pauses.shift() * 1000);
  };
  look();
})();
