// Escapes cells that a spreadsheet would run as a formula with an apostrophe, and removes it when reading.

// Also their full-width forms, which some spreadsheets take for the same.
const formula = /^'*[=+\-@\t\r＝＋－＠]/;
const guarded = /^'+[=+\-@\t\r＝＋－＠]/;
const negativeNumber = /^-\d+(\.\d+)?$/;

/**
 * A negative number is no formula. What has apostrophes there of its own gets one more, so that reading gives it
 * back.
 */
export function guardCell(text: string): string {
  return formula.test(text) && !negativeNumber.test(text) ? `'${text}` : text;
}

export function unguardCell(text: string): string {
  return guarded.test(text) ? text.slice(1) : text;
}
