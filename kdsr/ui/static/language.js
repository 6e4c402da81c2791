// The language of the page is the server's choice (`speech.page_words`); the switch keeps the address.
{
  window.kdsrSaid ??= (text) => text; // until the words are there (`compare/words.js`)

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("#language a");
    if (!link) return;
    event.preventDefault();
    const query = new URLSearchParams(location.search);
    query.set("lang", link.dataset.lang);
    location.assign(`?${query}${location.hash}`);
  });
}
