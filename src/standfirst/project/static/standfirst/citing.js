// Copies a citation, italics included. Without this script one click selects it whole.
(() => {
  for (const button of document.querySelectorAll(".copy")) {
    const text = document.getElementById(button.dataset.copies);
    if (!text || !navigator.clipboard) continue;
    button.hidden = false;
    button.addEventListener("click", async () => {
      const plain = text.textContent;
      try {
        const both = {
          "text/plain": new Blob([plain], { type: "text/plain" }),
          "text/html": new Blob([text.innerHTML], { type: "text/html" }),
        };
        if (window.ClipboardItem) await navigator.clipboard.write([new ClipboardItem(both)]);
        else await navigator.clipboard.writeText(plain);
        button.textContent = "Copied";
        setTimeout(() => { button.textContent = "Copy"; }, 3000);
      } catch {
        getSelection().selectAllChildren(text); // not allowed: it is selected, to be copied by hand
      }
    });
  }
})();
