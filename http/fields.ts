// Header fields to be read by name: those of a web-standard request, or those of Node's parser.
export interface Fields {
  /** @param name in small letters. @returns several lines as one list, null where there is none. */
  get(name: string): string | null;
}
