// Sorts sizes: letters from small to large, then numbers, then the rest by name.

const letters = ['XXXS', 'XXS', 'XS', 'S', 'M', 'L', 'XL', 'XXL', 'XXXL', '2XL', '3XL', '4XL', '5XL'];
const words = ['EXTRA SMALL', 'SMALL', 'MEDIUM', 'LARGE', 'EXTRA LARGE'];
const wordStart = letters.indexOf('XS');

export function compareSizes(a: string, b: string): number {
  const [rankA, numberA] = rank(a);
  const [rankB, numberB] = rank(b);
  return rankA - rankB || numberA - numberB || (a < b ? -1 : a > b ? 1 : 0);
}

function rank(size: string): [number, number] {
  const upper = size.toUpperCase().trim();
  const first = upper.split(/[\s/]/)[0] ?? '';
  const word = words.indexOf(upper);
  if (word >= 0) return [0, wordStart + word];
  const letter = letters.indexOf(first);
  if (letter >= 0) return [0, letter];
  const number = Number.parseFloat(upper.replace(/^\D+/, ''));
  return Number.isNaN(number) ? [2, 0] : [1, number];
}
