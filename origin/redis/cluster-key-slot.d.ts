// The package has no types of its own.
declare module 'cluster-key-slot' {
  /** @returns 0 to 16383; if the key has braces, only the text in the first ones counts */
  export default function calculateSlot(key: string): number;
}
