// Says so when the page's live connection to the server does not come about: Streamlit would show a skeleton for ever.
{
  const { seconds, words } = JSON.parse(document.currentScript.dataset.of);
  const Socket = window.WebSocket;
  const FULL = 1013; // the server closes with it where as many pages are open as may: "try again later"
  const WAIT = 5000; // milliseconds, after which a page that found the lab full asks again
  let opened = false;
  const quiet = () => document.getElementById("no-connection")?.remove();
  const say = (why) => {
    quiet();
    const asked = new URLSearchParams(location.search).get("lang") ?? navigator.language;
    const note = document.createElement("div");
    note.id = "no-connection";
    note.setAttribute("role", "alert");
    note.textContent = asked.startsWith("zh") ? words[why].zh : words[why].en;
    note.style.cssText =
      "position: fixed; inset: 1rem 1rem auto; z-index: 1000000; margin: auto; max-width: 44rem; padding: 1rem 1.25rem;" +
      "border-radius: 8px; font: 16px/1.5 'Noto Sans SC', system-ui, sans-serif; color: #1b2430; background: #fff4ce;" +
      "border: 1px solid #b7791f";
    document.body.append(note);
  };
  window.WebSocket = class extends Socket {
    constructor(...given) {
      super(...given);
      this.addEventListener("open", () => (opened = true));
      this.addEventListener("message", quiet, { once: true });
      this.addEventListener("close", ({ code }) => {
        if (code !== FULL) return;
        say("full");
        setTimeout(() => location.reload(), WAIT * (1 + Math.random()));
      });
    }
  };
  setTimeout(() => opened || say("missing"), 1000 * seconds);
}
