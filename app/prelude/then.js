// Streamlit's own scripts come after the first frame and its fonts: side by side, each would take the other's time. A
// page in the background draws no frame.
{
  const scripts = document.getElementById("streamlit");
  const load = () => document.head.append(scripts.content); // a second time there is nothing left in it
  requestAnimationFrame(() => setTimeout(() => document.fonts.ready.then(load)));
  setTimeout(load, 500);
}
