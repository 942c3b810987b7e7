// Reads a body within its own bound and a shared byte budget; past either it returns the whole as a stream.
import type { ByteBudget } from './byte-budget.ts';

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
