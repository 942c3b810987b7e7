// A shopper behind a balancer: sends requests to one of the machines in rotation, and counts those that fail.
import { request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';

interface Answer {
  status: number;
  body: Record<string, unknown>;
  cookies: string[];
}

export class Shopper {
  /** Addresses of the registered origins. */
  targets: string[] = [];
  readonly #domain: string;
  #turn = 0;

  constructor(domain: string) {
    this.#domain = domain;
  }

  async isReady(address: string, port: number): Promise<boolean> {
    return (
      (await this.#ask({ address, port, method: 'GET', path: '/readyz' }, {}).catch(() => undefined))
        ?.status === 200
    );
  }

  get(path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask({ ...this.#next(), method: 'GET', path }, headers);
  }

  send(method: string, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.#ask({ ...this.#next(), method, path, body: JSON.stringify(body) }, headers);
  }

  /** Buys one piece of the first product. @returns the order's status */
  async buy(): Promise<number> {
    const { items } = (await this.get('/api/products')).body as { items: { slug: string }[] };
    const { variants } = (await this.get(`/api/products/${items[0]!.slug}`)).body as {
      variants: { id: string }[];
    };
    const added = await this.send('POST', '/api/cart/lines', { variantId: variants[0]!.id, quantity: 1 });
    const cookie = added.cookies.map((one) => one.split(';')[0]).join('; ');
    const order = {
      email: 'shopper@example.com',
      shippingAddress: {
        name: 'A Shopper',
        line1: 'Street 1',
        city: 'Berlin',
        postalCode: '10115',
        country: 'DE',
      },
      payment: { provider: 'on-delivery' },
    };
    const { status } = await this.send('POST', '/api/orders', order, {
      cookie,
      'idempotency-key': 'of-the-rehearsal',
    });
    return status;
  }

  /** Reads pages until it is stopped. */
  shop(): { stop(): Promise<{ asked: number; failed: string[] }> } {
    let stopping = false;
    const failed: string[] = [];
    let asked = 0;
    const walk = async () => {
      while (!stopping) {
        const path = ['/', '/api/products', '/search?q=shirt', '/p/first-shirt'][asked % 4]!;
        asked += 1;
        const told = await this.get(path).then(
          ({ status }) => (status === 200 ? undefined : `${path}: ${status}`),
          (error: Error) => `${path}: ${error.message}`,
        );
        if (told !== undefined) failed.push(told);
        await sleep(50);
      }
    };
    const walking = walk();
    return {
      async stop() {
        stopping = true;
        await walking;
        return { asked, failed };
      },
    };
  }

  #next(): { address: string; port: number } {
    this.#turn += 1;
    return { address: this.targets[this.#turn % this.targets.length]!, port: 3000 };
  }

  #ask(
    {
      address,
      port,
      method,
      path,
      body,
    }: { address: string; port: number; method: string; path: string; body?: string },
    headers: Record<string, string>,
  ): Promise<Answer> {
    const sent = body === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          host: address,
          port,
          method,
          path,
          timeout: 10_000,
          // Like the balancer, which verifies no certificate of its targets.
          rejectUnauthorized: false,
          headers: { host: this.#domain, ...sent, ...headers },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (part: string) => (text += part));
          response.on('error', reject).on('end', () => {
            const isJson = String(response.headers['content-type']).includes('json');
            resolve({
              status: response.statusCode!,
              body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {},
              cookies: response.headers['set-cookie'] ?? [],
            });
          });
        },
      );
      asked.on('timeout', () => asked.destroy(new Error('no answer in 10 s'))).on('error', reject);
      asked.end(body);
    });
  }
}
