// Reads short request bodies before a request counts as work: a client that sends slowly holds only its own connection.
import type { IncomingMessage } from 'node:http';
import { networkOf } from './client-address.ts';
import { RawFields } from './fields.ts';

export interface BodyBounds {
  /** Longer bodies are left unread here. The code that reads them later enforces its own limit. */
  maxBytes: number;
  /** Time allowed for a body of a few hundred bytes, such as a cart write. */
  shortMs: number;
  /** Further time for each announced KiB. A body without a length gets the time of `maxBytes`. */
  moreMsPerKibibyte: number;
  /**
   * How many bodies may be unfinished at once. Beyond it the oldest is cut off; honest clients finish in
   * milliseconds.
   */
  most: number;
  mostOfClient: number;
}

export const usualBodyBounds: BodyBounds = {
  maxBytes: 64 * 1024,
  shortMs: 5_000,
  moreMsPerKibibyte: 125,
  most: 1_000,
  mostOfClient: 200,
};

/** `ready`: the body is kept with the request, or the handler reads it as a stream. `slow`: the request is refused. */
export type BodyOutcome = 'ready' | 'slow';

/** Node's adapter of Hono uses `rawBody` as the body of the request. */
type WithBody = IncomingMessage & { rawBody?: Buffer };

interface Unfinished {
  client: string;
  cut(): void;
}

export class BodyReader {
  readonly #bounds: BodyBounds;
  /** In order of arrival. */
  readonly #unfinished = new Set<Unfinished>();
  readonly #ofClient = new Map<string, Set<Unfinished>>();

  constructor(bounds: BodyBounds = usualBodyBounds) {
    this.#bounds = bounds;
  }

  get unfinished(): number {
    return this.#unfinished.size;
  }

  /**
   * @param client its address; IPv6 addresses of one network (/64) count as one
   * @param then called once, unless the client leaves before
   */
  read(request: IncomingMessage, client: () => string, then: (outcome: BodyOutcome) => void): void {
    const fields = new RawFields(request);
    const announced = Number(fields.get('content-length') ?? 0);
    const isChunked = fields.get('transfer-encoding') !== null;
    if ((announced === 0 && !isChunked) || announced > this.#bounds.maxBytes) {
      then('ready');
      return;
    }
    this.#collect(request, {
      client: networkOf(client()),
      bytes: isChunked ? this.#bounds.maxBytes : announced,
      then,
    });
  }

  #collect(
    request: WithBody,
    { client, bytes, then }: { client: string; bytes: number; then: (outcome: BodyOutcome) => void },
  ): void {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (outcome: BodyOutcome | undefined) => {
      clearTimeout(timer);
      this.#forget(own);
      request.off('data', take).off('end', keep).off('close', leave);
      if (outcome !== undefined) then(outcome);
    };
    const take = (chunk: Buffer) => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= this.#bounds.maxBytes) return;
      request.pause();
      request.unshift(Buffer.concat(chunks));
      finish('ready');
    };
    const keep = () => {
      request.rawBody = Buffer.concat(chunks);
      finish('ready');
    };
    const leave = () => finish(undefined);
    const own: Unfinished = { client, cut: () => finish('slow') };
    const wholeMs = this.#bounds.shortMs + (bytes / 1024) * this.#bounds.moreMsPerKibibyte;
    const timer = setTimeout(own.cut, wholeMs);
    this.#remember(own);
    request.on('data', take).on('end', keep).on('close', leave);
  }

  #remember(own: Unfinished): void {
    const { most, mostOfClient } = this.#bounds;
    const siblings = this.#ofClient.get(own.client) ?? new Set<Unfinished>();
    this.#ofClient.set(own.client, siblings.add(own));
    this.#unfinished.add(own);
    if (siblings.size > mostOfClient) oldest(siblings).cut();
    else if (this.#unfinished.size > most) oldest(this.#unfinished).cut();
  }

  #forget(own: Unfinished): void {
    this.#unfinished.delete(own);
    const siblings = this.#ofClient.get(own.client);
    siblings?.delete(own);
    if (siblings?.size === 0) this.#ofClient.delete(own.client);
  }
}

function oldest<T>(items: Set<T>): T {
  return items.values().next().value!;
}
