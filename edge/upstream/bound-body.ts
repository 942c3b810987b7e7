// Counts the bytes of a request body without Content-Length, and breaks it off past a bound.
export interface BoundBody {
  body: ReadableStream<Uint8Array>;
  /** True once more than the bound has come. */
  isTooLong(): boolean;
}

/** @param maxBytes how much may pass; the chunk that would exceed it does not, and the stream fails in its place. */
export function boundBody(body: ReadableStream<Uint8Array>, maxBytes: number): BoundBody {
  let size = 0;
  const counted = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      size += chunk.length;
      if (size > maxBytes) controller.error(new Error('The request is longer than we accept'));
      else controller.enqueue(chunk);
    },
  });
  return { body: body.pipeThrough(counted), isTooLong: () => size > maxBytes };
}
