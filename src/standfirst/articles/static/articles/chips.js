// Choosing some of thousands of names: typing offers matches, picking one adds a ticked box.
(() => {
  const timers = new WeakMap();

  const find = async (box, text) => {
    const answer = await fetch(`${box.dataset.source}?q=${encodeURIComponent(text)}`);
    if (!answer.ok) return [];
    const { names } = await answer.json();
    return names;
  };

  const offer = async (box, input) => {
    const text = input.value.trim();
    const names = text ? await find(box, text) : [];
    if (input.value.trim() !== text) return;
    const options = names.map(({ name }) => Object.assign(document.createElement("option"), { value: name }));
    box.querySelector("datalist").replaceChildren(...options);
    box.names = new Map(names.map(({ id, name }) => [name.toLowerCase(), { id, name }]));
  };

  const add = (box, { id, name }) => {
    const list = box.querySelector("ul");
    const known = list.querySelector(`input[value="${id}"]`);
    if (known) { known.checked = true; return; }
    const tick = Object.assign(document.createElement("input"), {
      type: "checkbox", name: box.dataset.name, value: id, checked: true,
    });
    const label = document.createElement("label");
    label.append(tick, ` ${name}`);
    const item = document.createElement("li");
    item.append(label);
    list.append(item);
    tick.dispatchEvent(new Event("change", { bubbles: true }));
  };

  const pick = async (box, input) => {
    const text = input.value.trim();
    if (!text) return;
    const match = (names) => names.find(({ name }) => name.toLowerCase() === text.toLowerCase());
    const found = box.names?.get(text.toLowerCase()) ?? match(await find(box, text));
    input.setCustomValidity(found ? "" : `There is no “${text}”. Pick a name from the list, or add it under Filing first.`);
    if (!found) { input.reportValidity(); return; }
    add(box, found);
    input.value = "";
    box.querySelector("datalist").replaceChildren();
  };

  const field = (event) => {
    const box = event.target.closest?.("[data-chips]");
    return box && event.target.matches("input[list]") ? [box, event.target] : [null, null];
  };

  document.addEventListener("input", (event) => {
    const [box, input] = field(event);
    if (!box) return;
    event.stopPropagation();
    input.setCustomValidity("");
    // A name picked from the list arrives whole, not letter by letter.
    if (event.inputType === "insertReplacementText" || !event.inputType) { pick(box, input); return; }
    clearTimeout(timers.get(input));
    timers.set(input, setTimeout(() => offer(box, input), 200));
  }, true);

  document.addEventListener("keydown", (event) => {
    const [box, input] = field(event);
    if (!box || event.key !== "Enter") return;
    event.preventDefault();
    pick(box, input);
  }, true);

  document.addEventListener("change", (event) => {
    const [box, input] = field(event);
    if (!box) return;
    event.stopPropagation();
    pick(box, input);
  }, true);
})();
