// A browser without JavaScript, and an API client: keeps cookies, follows redirects, submits the pages' own forms.
import { randomUUID } from 'node:crypto';
import { CookieJar } from '../../../traffic/http-connection.ts';
import { type Form, readPage, type ShopPage } from './page.ts';

/** Sends a request through the outages of a life and records the answer. */
export type Send = (url: string, request: RequestInit) => Promise<Response>;

export interface ApiAnswer<Body = unknown> {
  status: number;
  body: Body;
}

const mostRedirects = 5;

export class Browser {
  readonly jar = new CookieJar();
  readonly #url: string;
  readonly #send: Send;

  constructor(url: string, send: Send) {
    this.#url = url;
    this.#send = send;
  }

  /** @param address a path, or a link from a mail */
  async open(address: string): Promise<ShopPage> {
    return this.#follow(new URL(address, this.#url).href, { method: 'GET' });
  }

  /** Presses the form's button, or the named one. @throws if the form has no such field */
  async submit(form: Form, values: Record<string, string> = {}): Promise<ShopPage> {
    const fields = form.fill(values);
    if (form.method === 'get') {
      const address = new URL(form.action, this.#url);
      address.search = new URLSearchParams(fields).toString();
      return this.#follow(address.href, { method: 'GET' });
    }
    return this.#follow(new URL(form.action, this.#url).href, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        origin: new URL(this.#url).origin,
        'sec-fetch-site': 'same-origin',
      },
    });
  }

  async ask<Body>(
    method: string,
    path: string,
    body?: object,
    headers: Record<string, string> = {},
  ): Promise<ApiAnswer<Body>> {
    const response = await this.#request(new URL(path, this.#url).href, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(method === 'GET' ? {} : { 'idempotency-key': randomUUID() }),
        ...headers,
      },
    });
    const text = await response.text();
    const isJson = (response.headers.get('content-type') ?? '').includes('json');
    return { status: response.status, body: (isJson ? JSON.parse(text) : text) as Body };
  }

  async #follow(url: string, request: RequestInit): Promise<ShopPage> {
    let response = await this.#request(url, request);
    let at = url;
    for (let redirects = 0; response.status >= 300 && response.status < 400; redirects++) {
      if (redirects === mostRedirects) throw new Error(`${url} redirects without end`);
      const location = response.headers.get('location');
      if (location === null) break;
      await response.arrayBuffer();
      at = new URL(location, at).href;
      response = await this.#request(at, { method: 'GET' });
    }
    return readPage(at, response.status, await response.text());
  }

  async #request(url: string, request: RequestInit): Promise<Response> {
    const cookie = this.jar.header;
    const headers = { ...(request.headers as Record<string, string>), ...(cookie === '' ? {} : { cookie }) };
    const response = await this.#send(url, { ...request, headers, redirect: 'manual' });
    this.jar.keep(response);
    return response;
  }
}
