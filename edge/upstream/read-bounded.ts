// Bounds bodies: each by its own limit, all that are read at once by a shared budget of bytes.

/**
 * Reads a body within its own bound and a shared byte budget; past either it returns the whole as a stream.
 */
export type BoundedRead = { bytes: Uint8Array<ArrayBuffer> } | { rest: ReadableStream<Uint8Array> };
type Reader = ReadableStreamDefaultReader<Uint8Array>;

/** @throws where the body was cut short. */
export async function readBounded(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
  budget: ByteBudget,
): Promise<BoundedRead> {
  if (body === null) return { bytes: new Uint8Array() };
  const reader = body.getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      chunks.push(value);
      if (size + value.length > maxBytes || !budget.take(value.length))
        return { rest: resume(chunks, reader, budget, size) };
      size += value.length;
    }
  } catch (error) {
    budget.give(size);
    throw error;
  }
  budget.give(size);
  return { bytes: join(chunks, size) };
}

function join(chunks: Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

/** What was read goes first; its budget is given back once all of it has gone, or nobody wants it any more. */
function resume(
  chunks: Uint8Array[],
  reader: Reader,
  budget: ByteBudget,
  taken: number,
): ReadableStream<Uint8Array> {
  let held = taken;
  const release = () => {
    budget.give(held);
    held = 0;
  };
  return new ReadableStream({
    async pull(controller) {
      const first = chunks.shift();
      if (first !== undefined) return controller.enqueue(first);
      release();
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel(reason) {
      release();
      return reader.cancel(reason);
    },
  });
}

/**
 * Bounds the bytes that are held in memory at once while bodies are read. Past the bound an answer is not
 * stored.
 */
export interface ByteBudget {
  /** @returns false where there is no budget; then nothing was taken. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export function createByteBudget(maxBytes: number): ByteBudget {
  let taken = 0;
  return {
    take(bytes) {
      if (taken + bytes > maxBytes) return false;
      taken += bytes;
      return true;
    },
    give(bytes) {
      taken -= bytes;
    },
  };
}

/** Counts the bytes of a request body without Content-Length, and breaks it off past a bound. */
interface BoundBody {
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
