/** Reading untrusted JSON field by field, with errors that name the field. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

/** A message or a clause that this version does not understand. */
export class ProtocolError extends Error {
  override name = "ProtocolError";
}

function shown(value: unknown): string {
  const text = JSON.stringify(value) ?? "nothing";
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One JSON object with the name it has in error messages. */
export class Fields {
  readonly object: JsonObject;

  constructor(
    readonly of: string,
    value: unknown,
  ) {
    if (!isObject(value)) throw new ProtocolError(`${of}: expected an object, got ${shown(value)}`);
    this.object = value;
  }

  fail(name: string, expected: string): never {
    throw new ProtocolError(
      `${this.of}.${name}: expected ${expected}, got ${shown(this.object[name])}`,
    );
  }

  has(name: string): boolean {
    return this.object[name] !== undefined && this.object[name] !== null;
  }

  /** A whole number of at least `least`. */
  whole(name: string, least = 0): number {
    const value = this.object[name];
    if (!Number.isSafeInteger(value) || (value as number) < least) {
      this.fail(name, `a whole number of at least ${least}`);
    }
    return value as number;
  }

  number(name: string): number {
    const value = this.object[name];
    if (typeof value !== "number" || !Number.isFinite(value)) this.fail(name, "a number");
    return value as number;
  }

  text(name: string): string {
    const value = this.object[name];
    if (typeof value !== "string") this.fail(name, "a string");
    return value as string;
  }

  textOrNull(name: string): string | null {
    return this.has(name) ? this.text(name) : null;
  }

  flag(name: string): boolean {
    const value = this.object[name];
    if (typeof value !== "boolean") this.fail(name, "true or false");
    return value as boolean;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.object[name];
    if (!allowed.includes(value as T)) this.fail(name, `one of ${allowed.join(", ")}`);
    return value as T;
  }

  list(name: string): Json[] {
    const value = this.object[name];
    if (!Array.isArray(value)) this.fail(name, "a list");
    return value as Json[];
  }

  texts(name: string): string[] {
    const value = this.list(name);
    if (!value.every((item) => typeof item === "string")) this.fail(name, "a list of strings");
    return value as string[];
  }

  /** Row numbers: whole and not negative. */
  rows(name: string): number[] {
    const value = this.list(name);
    if (!value.every((item) => Number.isSafeInteger(item) && (item as number) >= 0)) {
      this.fail(name, "a list of row numbers");
    }
    return value as number[];
  }

  child(name: string): Fields {
    return new Fields(`${this.of}.${name}`, this.object[name]);
  }

  children(name: string): Fields[] {
    return this.list(name).map((item, i) => new Fields(`${this.of}.${name}[${i}]`, item));
  }
}
