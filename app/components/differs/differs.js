// What differs between the result that is shown and what is set now: also under the hand, where another part tells it.

export default function ({ data: [{ sentence, fields }], parentElement }) {
  const paragraph = parentElement.querySelector("p");
  const difference = ({ text, label, was, name }) => {
    const now = name ? standing(name) : undefined;
    if (now === undefined) return text;
    const written = Number(now.toFixed(10));
    return written === was ? "" : `${label} ${was} → ${written}`;
  };
  const draw = () => {
    const what = fields.map(difference).filter(Boolean).join(", ");
    put(paragraph, what && filled(sentence, { what }));
  };
  live.addEventListener("change", draw);
  draw();
  return () => live.removeEventListener("change", draw);
}
