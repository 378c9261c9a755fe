/**
 * How much of a machine or a cluster a job takes, and how much there is: exact arithmetic on amounts of CPU and memory.
 *
 * @module
 */

/**
 * An amount as people write it: a number, or text as Kubernetes has it, such as `"100m"`, `"1.5Gi"` or `"129e6"`.
 *
 * The suffixes `n u m k M G T P E` stand for powers of 1000 (`K` for `k`), and `Ki Mi Gi Ti Pi Ei` for powers of 1024.
 */
export type Quantity = string | number | bigint;

/** Which of the {@linkcode Resources} there is too little of. */
export type ResourceType = "CPU" | "MEM" | "RATE";

/** The names of the {@linkcode Resources}. */
export const ResourceType: {
  /** Processor cores. */
  readonly CPU: "CPU";
  /** Memory. */
  readonly MEM: "MEM";
  /** Launches. */
  readonly RATE: "RATE";
} = { CPU: "CPU", MEM: "MEM", RATE: "RATE" };

/**
 * Reads an amount.
 *
 * @param quantity The amount.
 * @returns The same amount as an exact decimal number without suffix and exponent, which `Number` or, if it is whole,
 * `BigInt` can take.
 * @throws {TypeError} If it is no amount.
 * @throws {RangeError} If it is finer than a billionth.
 *
 * @example Usage
 * ```ts
 * import { parseQuantity } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(parseQuantity("100m"), "0.1");
 * strictEqual(parseQuantity("1.5Gi"), "1610612736");
 * ```
 */
export function parseQuantity(quantity: Quantity): string {
  return decimal(billionths(quantity));
}

/**
 * An amount of CPU, memory and launches: what a job takes, or what there is. It does not change.
 *
 * @example Usage
 * ```ts
 * import { Resources, ResourceType } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const job = Resources.parse("100m", "1Gi", 1);
 * const machine = Resources.parse(4, "16Gi");
 * strictEqual(`${job.times(3)}`, "cpu 0.3, mem 3221225472, launches 3");
 * strictEqual(job.times(20).excess(machine), ResourceType.MEM);
 * ```
 */
export class Resources {
  /** Processor cores, as an exact decimal number. */
  readonly cpu: string;
  /** Bytes of memory, as an exact decimal number. */
  readonly mem: string;
  /** Launches: of a job 1, of a quota how many there may be in a window of time. */
  readonly launches: number;
  /** Billionths of cores. */
  #cpu: bigint;
  /** Billionths of bytes. */
  #mem: bigint;

  /**
   * Makes an amount.
   *
   * @param cpu Processor cores. None, if it is not given.
   * @param mem Bytes of memory. None, if it is not given.
   * @param launches A whole number of launches. None, if it is not given.
   * @throws {TypeError} If one of them is no amount.
   * @throws {RangeError} If one of them is finer than a billionth, or `launches` is not whole.
   */
  constructor(cpu: Quantity = 0, mem: Quantity = 0, launches: number = 0) {
    this.#cpu = billionths(cpu);
    this.#mem = billionths(mem);
    this.cpu = decimal(this.#cpu);
    this.mem = decimal(this.#mem);
    this.launches = whole(launches, "launches");
  }

  /**
   * Makes an amount for a quota: as the constructor, but with launches that are as good as unlimited, if none are given.
   *
   * @param cpu Processor cores.
   * @param mem Bytes of memory.
   * @param launches A whole number of launches. 999999999, if it is not given.
   * @returns The amount.
   * @throws {TypeError} If one of them is no amount.
   * @throws {RangeError} If one of them is finer than a billionth, or `launches` is not whole.
   */
  static parse(cpu: Quantity, mem: Quantity, launches: Quantity = 999_999_999): Resources {
    return new Resources(cpu, mem, Number(parseQuantity(launches)));
  }

  static #of(cpu: bigint, mem: bigint, launches: number): Resources {
    const amount = new Resources(0, 0, launches);
    amount.#cpu = cpu;
    amount.#mem = mem;
    return Object.assign(amount, { cpu: decimal(cpu), mem: decimal(mem) });
  }

  /**
   * Both amounts together.
   *
   * @param other The other one.
   * @returns The sum.
   */
  plus(other: Resources): Resources {
    return Resources.#of(
      this.#cpu + other.#cpu,
      this.#mem + other.#mem,
      this.launches + other.launches,
    );
  }

  /**
   * What is left of this amount without another one; less than nothing, if that is greater.
   *
   * @param other The other one.
   * @returns The difference.
   */
  minus(other: Resources): Resources {
    return Resources.#of(
      this.#cpu - other.#cpu,
      this.#mem - other.#mem,
      this.launches - other.launches,
    );
  }

  /**
   * This amount, but for the launches.
   *
   * @returns The CPU and memory; this very amount, if it has no launches.
   */
  withoutLaunches(): Resources {
    return this.launches === 0 ? this : Resources.#of(this.#cpu, this.#mem, 0);
  }

  /**
   * This amount several times.
   *
   * @param factor How often; a whole number.
   * @returns The product.
   * @throws {RangeError} If `factor` is not whole.
   */
  times(factor: number): Resources {
    const times = BigInt(whole(factor, "the factor"));
    return Resources.#of(this.#cpu * times, this.#mem * times, this.launches * factor);
  }

  /**
   * The first of CPU, memory and launches of which this is more than another amount.
   *
   * @param limit The other one.
   * @returns Which; `undefined` if there is no more of any.
   */
  excess(limit: Resources): ResourceType | undefined {
    if (this.#cpu > limit.#cpu) return ResourceType.CPU;
    if (this.#mem > limit.#mem) return ResourceType.MEM;
    if (this.launches > limit.launches) return ResourceType.RATE;
    return undefined;
  }

  /**
   * Whether two amounts are the same.
   *
   * @param other The other one.
   * @returns True if they are, however they were written.
   */
  equals(other: Resources): boolean {
    return this.#cpu === other.#cpu && this.#mem === other.#mem &&
      this.launches === other.launches;
  }

  /** Says how much there is of each. */
  toString(): string {
    return `cpu ${this.cpu}, mem ${this.mem}, launches ${this.launches}`;
  }
}

/** How many decimal places an amount can have. */
const PLACES = 9;

const BILLION = 10n ** BigInt(PLACES);

const QUANTITY =
  /^(?<sign>[+-]?)(?=\.?\d)(?<int>\d*)\.?(?<frac>\d*)(?:[eE](?<exp>[+-]?\d{1,3}))?\s*(?:(?<decimal>[numkKMGTPE])|(?<binary>[KMGTPE])i)?$/;

/** The power of 1000, or of 1024, that a suffix stands for. */
const POWERS: ReadonlyMap<string | undefined, number> = new Map([
  [undefined, 0],
  ["n", -3],
  ["u", -2],
  ["m", -1],
  ["k", 1],
  ["K", 1],
  ["M", 2],
  ["G", 3],
  ["T", 4],
  ["P", 5],
  ["E", 6],
]);

function billionths(quantity: Quantity): bigint {
  if (Number.isSafeInteger(quantity)) return BigInt(quantity) * BILLION;
  const text = String(quantity).trim();
  const groups = QUANTITY.exec(text)?.groups;
  if (groups === undefined) {
    throw new TypeError(
      `Cannot read ${
        JSON.stringify(text)
      } as a quantity: use a number, possibly with one of the suffixes ` +
        `n u m k M G T P E Ki Mi Gi Ti Pi Ei, such as "100m" or "1.5Gi"`,
    );
  }
  const { sign, int = "", frac = "", exp = "0" } = groups;
  const digits = BigInt(sign + int + frac) * 1024n ** BigInt(POWERS.get(groups.binary) ?? 0);
  const places = PLACES + Number(exp) + 3 * (POWERS.get(groups.decimal) ?? 0) - frac.length;
  if (places >= 0) return digits * 10n ** BigInt(places);
  const divisor = 10n ** BigInt(-places);
  if (digits % divisor === 0n) return digits / divisor;
  throw new RangeError(
    `Cannot take ${JSON.stringify(text)} as a quantity: it is finer than a billionth; round it`,
  );
}

function decimal(billionths: bigint): string {
  if (billionths % BILLION === 0n) return String(billionths / BILLION);
  const sign = billionths < 0n ? "-" : "";
  const digits = String(billionths < 0n ? -billionths : billionths).padStart(PLACES + 1, "0");
  const fraction = digits.slice(-PLACES).replace(/0+$/, "");
  return sign + digits.slice(0, -PLACES) + (fraction === "" ? "" : `.${fraction}`);
}

function whole(number: number, what: string): number {
  if (Number.isSafeInteger(number)) return number + 0; // -0 is 0
  throw new RangeError(`Cannot take ${number} for ${what}: it must be a whole number`);
}
