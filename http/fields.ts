// The interface by which header fields are read, from a web-standard request or from Node's parser.
export interface Fields {
  /** @param name in small letters. @returns several lines as one list, null where there is none. */
  get(name: string): string | null;
}
