// A phone in a class: it follows the question that is asked now, and sends its guess.
{
  const main = document.querySelector("main");
  const [heading, options, status] = main.children;
  const { code, lang, words, guesses, seconds, problem, over: none } = JSON.parse(main.dataset.told);
  const at = (name) => `${code}/${name}?lang=${lang}`; // beside this page
  const put = (element, text) => {
    if (element.textContent !== text) element.textContent = text;
  };
  let state = null;
  let said = problem; // why nothing can be shown at present
  let refused = ""; // why the last guess was not taken
  let over = none; // there is no such room, or no more
  let timer = 0;
  let drawn = "";

  async function poll() {
    clearTimeout(timer);
    if (!document.hidden && !over) {
      try {
        const answer = await fetch(at("state"), { cache: "no-cache" });
        const told = await answer.json();
        if (answer.ok) state = told;
        said = answer.ok ? "" : told.problem;
        over = answer.status === 404;
      } catch {
        said = words.lost;
      }
      draw();
    }
    if (!over) timer = setTimeout(poll, 1000 * seconds * (0.85 + 0.3 * Math.random())); // not all at once
  }

  async function guess(choice) {
    const { question } = state;
    const before = guesses[question];
    guesses[question] = choice;
    refused = "";
    draw();
    try {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(at("guess"), { method: "POST", headers, body: JSON.stringify({ question, choice }) });
      if (answer.ok) return;
      refused = (await answer.json()).problem;
    } catch {
      refused = words.lost;
    }
    guesses[question] = before;
    draw();
  }

  function draw() {
    if (over) {
      put(heading, "");
      options.replaceChildren();
      return put(status, said);
    }
    if (!state) return put(status, said);
    const { question, words: asked, truth, tally } = state;
    const { ask = "", options: named = {} } = asked[lang] ?? {};
    const text = JSON.stringify([question, named]);
    if (text !== drawn) {
      drawn = text; // the same buttons keep the focus
      refused = "";
      options.replaceChildren(...Object.entries(named).map(([choice, name]) => button(choice, name)));
      options.classList.toggle("short", Object.values(named).every((name) => name.length < 12) && Object.keys(named).length > 4);
    }
    put(heading, ask);
    options.setAttribute("aria-label", ask);
    const mine = guesses[question];
    const all = Object.values(tally).reduce((sum, number) => sum + number, 0);
    for (const one of options.children) {
      const { choice } = one.dataset;
      one.disabled = truth !== null;
      one.setAttribute("aria-pressed", String(choice === mine));
      one.classList.toggle("right", choice === truth);
      const share = words.share.replace("{share}", Math.round((100 * (tally[choice] ?? 0)) / (all || 1)));
      const marks = [choice === truth && `✓ ${words.mark}`, choice === mine && words.mine, all && share];
      put(one.querySelector("small"), truth === null ? "" : marks.filter(Boolean).join(" · "));
    }
    if (truth !== null) refused = "";
    put(status, said || refused || words[phase(question, truth, mine)]);
  }

  function phase(question, truth, mine) {
    if (!question) return "wait";
    if (truth === null) return mine ? "taken" : "guess";
    return mine ? (mine === truth ? "right" : "wrong") : "missed";
  }

  function button(choice, name) {
    const one = document.createElement("button");
    one.type = "button";
    one.dataset.choice = choice;
    one.append(document.createElement("span"), document.createElement("small"));
    one.firstChild.textContent = name;
    one.addEventListener("click", () => guess(choice));
    return one;
  }

  document.addEventListener("visibilitychange", poll);
  draw();
  poll();
}
