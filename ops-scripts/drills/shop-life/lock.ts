// A fair read-write lock: shared by many or held by one, in order of arrival.

type Way = 'shared' | 'alone';

export class Lock {
  #holders = 0;
  #isAlone = false;
  readonly #waiting: { way: Way; go: () => void }[] = [];

  async shared<T>(work: () => Promise<T>): Promise<T> {
    return this.#hold('shared', work);
  }

  async alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#hold('alone', work);
  }

  async #hold<T>(way: Way, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((go) => {
      this.#waiting.push({ way, go });
      this.#admit();
    });
    try {
      return await work();
    } finally {
      this.#holders -= 1;
      this.#isAlone = false;
      this.#admit();
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#isAlone || (next.way === 'alone' && this.#holders > 0)) return;
      this.#waiting.shift();
      this.#holders += 1;
      this.#isAlone = next.way === 'alone';
      next.go();
    }
  }
}
