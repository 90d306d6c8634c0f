// A reading in words, as in model/serving/answers.py.
const CONFIDENT = 0.8; // minimum probability to name a digit without the runner-up

export const NOT_FOUND = "No digits found. Try writing larger or, for a photo, moving closer or adding light.";

export const percent = (probability) => `${(100 * Math.min(probability, 0.999)).toFixed(1)}%`;

// The digits, the most probable first.
export const ranked = (probabilities) => [...probabilities.keys()].sort((a, b) => probabilities[b] - probabilities[a]);

// The digit (null: not a digit), how probable each is, and the confidence.
export function inWords(digit, probabilities, sure) {
  const [first, second] = ranked(probabilities);
  if (digit === null) return "This does not look like a digit.";
  if (sure < CONFIDENT) return `Unsure: ${first} or ${second}?`;
  return `It is ${digit === 8 ? "an" : "a"} ${digit} (${percent(sure)} sure).`;
}
