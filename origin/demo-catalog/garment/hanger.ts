// The drawing of an empty hanger, shown for a product without a picture.
import { height, width } from './outline.ts';

export function hanger(): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width * 2}" height="${height * 2}"><defs><linearGradient id="g" x2="0" y2="1"><stop stop-color="#f4f2ee"/><stop offset="1" stop-color="#dfdad1"/></linearGradient></defs><rect width="${width}" height="${height}" fill="url(#g)"/><g fill="none" stroke="#9a9184" stroke-width="9" stroke-linecap="round" stroke-linejoin="round"><path d="M200 238V216C200 204 224 202 224 180C224 164 212 154 199 154C186 154 177 162 175 174" stroke-width="6"/><path d="M200 238L82 308C70 316 74 330 88 330H312C326 330 330 316 318 308Z"/></g></svg>`;
}
