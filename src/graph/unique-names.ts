/** `image`, `image_2`, ...; in time that grows with the number of names alone. */
export class UniqueNames {
  readonly #taken = new Set<string>();
  readonly #next = new Map<string, number>();

  take(name: string): string {
    let unique = name;
    let count = this.#next.get(name) ?? 2;
    for (; this.#taken.has(unique); count++) unique = `${name}_${count}`;
    this.#next.set(name, count);
    this.#taken.add(unique);
    return unique;
  }
}
