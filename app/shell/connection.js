// Says so when the page's live connection to the server does not come about: Streamlit would show a skeleton for ever.
{
  const { seconds, words } = JSON.parse(document.currentScript.dataset.of);
  const Socket = window.WebSocket;
  let opened = false;
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("open", () => {
        opened = true;
        document.getElementById("no-connection")?.remove();
      });
    }
  };
  setTimeout(() => {
    if (opened) return;
    const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language;
    const note = document.createElement("div");
    note.id = "no-connection";
    note.setAttribute("role", "alert");
    note.textContent = asked.startsWith("zh") ? words.zh : words.en;
    note.style.cssText =
      "position: fixed; inset: 1rem 1rem auto; z-index: 1000000; margin: auto; max-width: 44rem; padding: 1rem 1.25rem;" +
      "border-radius: 8px; font: 16px/1.5 'Noto Sans SC', system-ui, sans-serif; color: #1b2430; background: #fff4ce;" +
      "border: 1px solid #b7791f";
    document.body.append(note);
  }, 1000 * seconds);
}
