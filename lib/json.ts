/**
 * Data as JSON text, without loss.
 *
 * @module
 */

/**
 * The JSON text of a value. What JSON would leave out or replace without a word is an error instead; an object that has
 * a `toJSON`, as a `Date` has, is what that gives, and a property that is `undefined` is none.
 *
 * @param value The value.
 * @returns Its text.
 * @throws {TypeError} If JSON has no words for it, or for something in it.
 */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value); // first, because it ends with an error at a cycle
  refuseLoss(value, "");
  return text;
}

function refuseLoss(value: unknown, path: string): void {
  if (typeof value === "string" || typeof value === "boolean" || value === null) return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (typeof value === "object") {
    if (Array.isArray(value)) {
      for (let i = 0; i < value.length; i++) refuseLoss(value[i], `${path}[${i}]`);
      return;
    }
    if ("toJSON" in value && !isInvalidDate(value)) return;
    if (isPlain(value)) {
      for (const key in value) {
        if (value[key] !== undefined) refuseLoss(value[key], `${path}.${key}`);
      }
      return;
    }
  }
  const place = path === "" ? "" : ` at ${path}`;
  throw new TypeError(`JSON has no words for ${described(value)}${place}`);
}

function described(value: unknown): string {
  if (typeof value === "function") return "a function";
  if (typeof value !== "object" || value === null) return String(value);
  return isInvalidDate(value) ? "an invalid date" : `a ${value.constructor.name}`;
}

function isInvalidDate(value: object): boolean {
  return value instanceof Date && Number.isNaN(value.getTime());
}

function isPlain(value: object): value is Record<string, unknown> {
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
