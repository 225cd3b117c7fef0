/** The demo shop's own script: asks for consent, tells the tracker what a page is about, changes looks without loading. */

window.shuke = window.shuke || [];
const tell = (...words) => window.shuke.push(words);

// ---- consent: the shop remembers the choice; the tracker stores nothing before a yes ------------------------------------

const banner = document.getElementById("consent");
const choice = (document.cookie.match(/(?:^|; )shop_consent=(yes|no)/) || [])[1];
if (choice === "yes") tell("consent", true);

document.addEventListener("click", (click) => {
  const button = click.target.closest("[data-consent]");
  if (!button) return;
  const answer = button.dataset.consent;
  document.cookie = `shop_consent=${answer};path=/;max-age=15552000;samesite=lax`;
  banner.hidden = true;
  tell("consent", answer === "yes");
  if (location.pathname === "/pages/privacy") location.reload();
});

// ---- what this page is about --------------------------------------------------------------------------------------------

const data = (id) => JSON.parse(document.getElementById(id).textContent);
for (const [name, properties] of data("events")) tell("track", name, properties);

for (const form of document.querySelectorAll("form[data-tells]")) {
  form.addEventListener("submit", () => tell("track", form.dataset.tells, data(form.dataset.about)));
}

// ---- the looks: one page, several addresses -----------------------------------------------------------------------------

const looks = [...document.querySelectorAll("[data-look]")];

function show(slug) {
  for (const link of looks) {
    const isShown = link.dataset.look === slug;
    document.getElementById(`look-${link.dataset.look}`).hidden = !isShown;
    if (isShown) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

for (const link of looks) {
  link.addEventListener("click", (click) => {
    if (click.metaKey || click.ctrlKey || click.shiftKey) return;
    click.preventDefault();
    if (link.href !== location.href) history.pushState(null, "", link.href);
    show(link.dataset.look);
  });
}
if (looks.length) {
  addEventListener("popstate", () => show(location.pathname.split("/")[3] || looks[0].dataset.look));
}
