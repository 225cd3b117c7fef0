/* The frame's behaviour: menus, sidebar, drawer, palette, copying. No inline handler and no eval anywhere:
   elements say what they do in data attributes, and one listener per kind of event looks at them. */
"use strict";

(() => {
  const byId = (id) => document.getElementById(id);

  /* Menus close when something else is clicked, and on Escape (back to their summary). */
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.pop[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const toggler = event.target.closest("[data-toggles]");
    if (toggler) setSide(!byId("frame").classList.contains("is-open"));
    else if (byId("frame")?.classList.contains("is-open") && !byId("side").contains(event.target)) setSide(false);
    const opener = event.target.closest("[data-opens]");
    if (opener?.dataset.opens === "palette") openPalette();
    else if (opener) byId(opener.dataset.opens)?.showModal();
    const closer = event.target.closest("[data-closes]");
    if (closer) byId(closer.dataset.closes)?.close();
    const dialog = event.target.closest("dialog[open]");
    if (dialog && event.target === dialog) dialog.close();
    const copier = event.target.closest("[data-copies]");
    if (copier) copyFrom(copier);
    const dismisser = event.target.closest("[data-dismisses]");
    if (dismisser) dismisser.closest(dismisser.dataset.dismisses)?.remove();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      const menu = document.querySelector("details.pop[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
      setSide(false);
    }
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && byId("palette")) {
      event.preventDefault();
      openPalette();
    }
  });

  function setSide(isOpen) {
    const frame = byId("frame");
    if (!frame) return;
    const wasOpen = frame.classList.contains("is-open");
    frame.classList.toggle("is-open", isOpen);
    const button = document.querySelector("[data-toggles]");
    button?.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) byId("side").querySelector("a")?.focus();
    else if (wasOpen) button?.focus();
  }

  /* The drawer opens when its body has been filled; focus returns to what opened it. */
  let opener = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "drawer-body") opener = event.detail.elt;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const drawer = byId("drawer");
    if (event.detail.target?.id !== "drawer-body" || !drawer) return;
    if (!drawer.open) drawer.showModal();
    drawer.querySelector(".drawer-body").scrollTop = 0;
  });
  byId("drawer")?.addEventListener("close", () => {
    byId("drawer-body").replaceChildren();
    if (opener?.isConnected) opener.focus();
    opener = null;
  });

  /* When the network is gone, the fragment says so where its skeleton stood. */
  const sayGone = (target) => {
    const words = document.querySelector("[data-offline]")?.dataset.offline;
    if (words && target) {
      const note = document.createElement("p");
      note.className = "note is-bad";
      note.setAttribute("role", "alert");
      note.textContent = words;
      target.replaceChildren(note);
    }
  };
  document.addEventListener("htmx:sendError", (event) => sayGone(event.detail.target));

  /* A failure that is not told in our own words (something between us and the shop failed) must not leave a blank page. */
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    if (xhr.status < 500 || xhr.responseText.includes('class="state"')) return;
    event.detail.shouldSwap = false;
    sayGone(target);
  });

  /* A deed that can not be undone says how many and who, and is asked once more in its own place. */
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (!button?.dataset.asks || button.dataset.isSure) return;
    event.preventDefault();
    const dialog = byId("sure");
    byId("sure-words").textContent = button.dataset.asks;
    byId("sure-yes").textContent = button.textContent.trim();
    dialog.onclose = () => {
      if (dialog.returnValue === "yes") {
        button.dataset.isSure = "1";
        button.form.requestSubmit(button);
      } else button.focus();
    };
    dialog.returnValue = "";
    dialog.showModal();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits]")) event.target.form.requestSubmit();
    const limit = event.target.closest("[data-most]");
    if (limit) keepLimit(limit);
  });

  /* At most N boxes of a group: the rest wait until one is given back. */
  function keepLimit(group) {
    const boxes = [...group.querySelectorAll("input[type=checkbox]")];
    const isFull = boxes.filter((box) => box.checked).length >= Number(group.dataset.most);
    for (const box of boxes) box.disabled = isFull && !box.checked;
  }
  for (const group of document.querySelectorAll("[data-most]")) keepLimit(group);

  async function copyFrom(button) {
    const source = byId(button.dataset.copies);
    if (!source) return;
    const text = source.value ?? source.textContent;
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      const range = document.createRange();
      range.selectNodeContents(source);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      document.execCommand("copy");
    }
    const label = button.querySelector("span") ?? button;
    const before = label.textContent;
    label.textContent = button.dataset.done;
    setTimeout(() => { label.textContent = before; }, 1600);
  }

  /* Go to: the pages of the sidebar and the shops of the reader, by any part of their name. */
  const palette = byId("palette");
  function places() {
    const found = [];
    for (const link of document.querySelectorAll(".side a.entry, .shop-picker a.option")) {
      const group = link.closest("div")?.querySelector("h2")?.textContent ?? "";
      found.push({ name: link.textContent.trim(), group, href: link.getAttribute("href"), icon: link.querySelector("svg") });
    }
    return found;
  }
  function draw(query) {
    const list = byId("palette-list");
    const wanted = query.trim().toLowerCase();
    const hits = places().filter((place) => (place.name + " " + place.group).toLowerCase().includes(wanted));
    list.replaceChildren(...hits.map((place, index) => {
      const item = document.createElement("li");
      const link = document.createElement("a");
      link.href = place.href;
      if (place.icon) link.append(place.icon.cloneNode(true));
      const name = document.createElement("span");
      name.textContent = place.name;
      link.append(name);
      if (place.group) {
        const group = document.createElement("small");
        group.textContent = place.group;
        link.append(group);
      }
      link.classList.toggle("is-near", index === 0);
      item.append(link);
      return item;
    }));
    byId("palette-none").hidden = hits.length > 0;
  }
  function openPalette() {
    if (!palette || palette.open) return;
    byId("palette-input").value = "";
    draw("");
    palette.showModal();
    byId("palette-input").focus();
  }
  palette?.addEventListener("input", (event) => draw(event.target.value));
  palette?.addEventListener("keydown", (event) => {
    const links = [...palette.querySelectorAll("#palette-list a")];
    const at = links.findIndex((link) => link.classList.contains("is-near"));
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const next = Math.min(links.length - 1, Math.max(0, at + (event.key === "ArrowDown" ? 1 : -1)));
      links.forEach((link, index) => link.classList.toggle("is-near", index === next));
      links[next]?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && at >= 0) {
      event.preventDefault();
      links[at].click();
    }
  });
})();
