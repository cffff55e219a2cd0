// What differs between the result that is shown and what is set now. T and α are those under the hand, where the page has
// the live picture.

export default function ({ data: [{ sentence, fields }], parentElement }) {
  const paragraph = parentElement.querySelector("p");
  const difference = ({ text, label, was, follows }) => {
    if (!follows || !isLive()) return text;
    const now = Number(live[follows].toFixed(10));
    return now === was ? "" : `${label} ${was} → ${now}`;
  };
  const draw = () => {
    const what = fields.map(difference).filter(Boolean).join(", ");
    put(paragraph, what && filled(sentence, { what }));
  };
  live.addEventListener("change", draw);
  draw();
  return () => live.removeEventListener("change", draw);
}
