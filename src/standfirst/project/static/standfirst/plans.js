// Whoever is logged in has an address here already: it need not be typed to pay.
if (document.documentElement.classList.contains("known")) {
  for (const field of document.querySelectorAll(".plan input[type=email]")) field.disabled = true;
}
