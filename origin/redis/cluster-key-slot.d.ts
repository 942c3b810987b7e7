// The package has no types of its own.
declare module 'cluster-key-slot' {
  /** @returns 0 to 16383; only what stands in the key's first braces counts, where it has any. */
  export default function calculateSlot(key: string): number;
}
