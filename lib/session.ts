/**
 * Things that are open while a pipeline runs and closed behind it: connections, clients, files.
 *
 * @module
 */

import { headline } from "./failure.ts";
import { warn } from "./warnings.ts";

/**
 * Gives what a {@linkcode Session} holds under one name, while the session is open.
 *
 * @typeParam T What it gives.
 */
export interface Resource<T> {
  /**
   * Gives the resource.
   *
   * @returns What was made of it when the session was opened.
   * @throws {Error} If the session is not open.
   */
  (): T;
  /** The name of the function that makes it. */
  readonly resourceName: string;
}

/**
 * A thing, or a function that gives it when it is needed, such as a {@linkcode Resource}. A function is always taken for
 * one that gives the thing, so the thing itself cannot be a function.
 *
 * @typeParam T The thing.
 */
export type Accessor<T> = T | (() => T);

/**
 * The thing that an accessor stands for.
 *
 * @typeParam T The thing.
 * @param accessor The thing or a function that gives it.
 * @returns The thing.
 * @throws {Error} If it is a resource and its session is not open.
 *
 * @example Usage
 * ```ts
 * import { access } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * strictEqual(access("moby"), "moby");
 * strictEqual(access(() => "moby"), "moby");
 * ```
 */
export function access<T>(accessor: Accessor<T>): T {
  return isGetter(accessor) ? accessor() : accessor;
}

function isGetter<T>(accessor: Accessor<T>): accessor is () => T {
  return typeof accessor === "function";
}

/**
 * Opens resources in the order in which they were registered, and closes them in reverse.
 *
 * A resource is made by a generator that yields it once and closes it behind the `yield`, or by a function that returns
 * something that can be disposed of. Registering gives an accessor, which can be handed on at once and is called when the
 * session is open. A resource may use those that were registered before it. A session can be opened again when it was
 * closed; each resource is then made anew.
 *
 * A pipeline opens and closes the session that it is given.
 *
 * @example Usage
 * ```ts
 * import { Session } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const session = new Session();
 * const folder = session.resource(async function* folder() {
 *   const path = await Deno.makeTempDir();
 *   try {
 *     yield path;
 *   } finally {
 *     await Deno.remove(path);
 *   }
 * });
 * const file = session.resource(function file() {
 *   return Deno.open(".", { read: true });
 * });
 *
 * await session.open();
 * strictEqual((await Deno.stat(folder())).isDirectory, true);
 * strictEqual((await file().stat()).isDirectory, true);
 * await session.close();
 * ```
 */
export class Session implements AsyncDisposable {
  readonly #resources: Lifecycle[] = [];
  /** Those that are open, in the order in which they were opened. */
  readonly #opened: Lifecycle[] = [];
  /** Those that are being made for {@linkcode openFor}. */
  readonly #making = new Map<Lifecycle, Promise<void>>();
  #state: "closed" | "being opened" | "open" | "being closed" = "closed";
  #closing: Promise<void> | undefined;

  /** Whether it has been opened, and not closed again. */
  get isOpen(): boolean {
    return this.#state === "open";
  }

  /**
   * Registers a resource.
   *
   * @typeParam T The resource.
   * @param make A generator that yields the resource once, and closes it behind the `yield`. Called at each opening.
   * @returns Gives the resource while the session is open.
   * @throws {Error} If the session is not closed.
   */
  resource<T>(
    make: () => AsyncGenerator<T, unknown, undefined> | Generator<T, unknown, undefined>,
  ): Resource<T>;
  /**
   * Registers a resource.
   *
   * @typeParam T The resource.
   * @param make Returns the resource, which is disposed of when the session is closed. Called at each opening.
   * @returns Gives the resource while the session is open.
   * @throws {Error} If the session is not closed.
   */
  resource<T extends Disposable | AsyncDisposable>(make: () => T | Promise<T>): Resource<T>;
  resource<T>(make: () => Made<T>): Resource<T> {
    const resource = new ManagedResource(make);
    if (this.#state !== "closed") {
      throw new Error(
        `Cannot register resource "${resource.name}": the session is ${this.#state}; register it before open()`,
      );
    }
    this.#resources.push(resource);
    return Object.assign(() => resource.value, { resourceName: resource.name });
  }

  /**
   * Makes all resources. If one cannot be made, those before it are closed again, and so is the session.
   *
   * @throws {Error} If the session is not closed.
   * @throws {Error} If a resource cannot be made; its cause is what was thrown. If others cannot be closed thereupon, it
   * is an `AggregateError` of all.
   */
  async open(): Promise<void> {
    if (this.#state !== "closed") {
      throw new Error(`Cannot open the session: it is ${this.#state}; await close() before`);
    }
    this.#state = "being opened";
    for (const resource of this.#resources) {
      try {
        await resource.open();
      } catch (cause) {
        const errors = await this.#tearDown();
        const message = `Cannot open resource "${resource.name}": ${headline(cause)}`;
        if (errors.length === 0) throw new Error(message, { cause });
        const more = errors.map((error) => error.message).join("; ");
        throw new AggregateError([cause, ...errors], `${message}; ${more}`, { cause });
      }
      this.#opened.push(resource);
    }
    this.#state = "open";
  }

  /**
   * Makes only those resources that something needs, and those that these need: for a part of a program. The session is
   * open then, though the other resources are not there; more can be made in the same way.
   *
   * @param use Uses what is needed. It is called again each time when it fails for lack of a resource.
   * @throws {Error} If the session is just being opened or closed.
   * @throws {unknown} What is thrown when a resource is made.
   * @throws {unknown} What else `use` throws; what has been made stays.
   */
  async openFor(use: () => Promise<void>): Promise<void> {
    if (this.#state === "closed") this.#state = "open";
    if (this.#state !== "open") {
      throw new Error(
        `Cannot open the session: it is ${this.#state}; wait until it is open or closed`,
      );
    }
    await this.#openFor(use, this.#resources.length);
  }

  /**
   * Closes all resources, also those behind one that fails. Does nothing if the session is closed.
   *
   * @throws {Error} If the session is just being opened.
   * @throws {Error} If a resource cannot be closed; its cause is what was thrown. If several cannot, it is an
   * `AggregateError` of theirs. The session is closed all the same.
   */
  async close(): Promise<void> {
    if (this.#state === "being opened") {
      throw new Error("Cannot close the session: it is being opened; await open() before");
    }
    if (this.#state === "open") {
      this.#state = "being closed";
      this.#closing = this.#closeAll();
    }
    await this.#closing;
  }

  /** As {@linkcode close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** Makes what something needs of the first `count` resources. */
  async #openFor(use: () => Promise<void>, count: number): Promise<void> {
    for (;;) {
      const before = new Set(this.#opened);
      try {
        return await use();
      } catch (error) {
        const lacking = lackingResource(error);
        const index = this.#resources.findIndex((resource) => resource === lacking);
        if (index < 0 || index >= count || before.has(this.#resources[index]!)) throw error;
        await this.#make(this.#resources[index]!, index);
      }
    }
  }

  /** Makes one resource, unless it is there or just being made; it may lack others itself: those before it. */
  async #make(resource: Lifecycle, index: number): Promise<void> {
    if (this.#opened.includes(resource)) return;
    let making = this.#making.get(resource);
    if (making === undefined) {
      making = this.#openFor(() => resource.open(), index)
        .then(() => void this.#opened.push(resource))
        .finally(() => this.#making.delete(resource));
      this.#making.set(resource, making);
    }
    await making;
  }

  async #closeAll(): Promise<void> {
    const errors = await this.#tearDown();
    this.#closing = undefined;
    if (errors.length === 1) throw errors[0];
    if (errors.length > 1) {
      const messages = errors.map((error) => error.message).join("; ");
      throw new AggregateError(errors, `${errors.length} resources failed to close: ${messages}`);
    }
  }

  /** Closes what is open, the last first, and leaves the session closed. */
  async #tearDown(): Promise<Error[]> {
    const errors: Error[] = [];
    for (let resource = this.#opened.pop(); resource; resource = this.#opened.pop()) {
      try {
        await resource.close();
      } catch (cause) {
        const message = `Cannot close resource "${resource.name}": ${headline(cause)}`;
        errors.push(new Error(message, { cause }));
      }
    }
    this.#state = "closed";
    return errors;
  }
}

/** What a session knows of a resource. */
interface Lifecycle {
  readonly name: string;
  open(): Promise<void>;
  close(): Promise<void>;
}

/** What a function that makes a resource returns. */
type Made<T> =
  | AsyncGenerator<T, unknown, undefined>
  | Generator<T, unknown, undefined>
  | T
  | Promise<T>;

class ManagedResource<T> implements Lifecycle {
  readonly name: string;
  readonly #make: () => Made<T>;
  #opened: { readonly value: T; close(): void | PromiseLike<void> } | undefined;

  constructor(make: () => Made<T>) {
    this.name = make.name || "resource";
    this.#make = make;
  }

  get value(): T {
    if (this.#opened !== undefined) return this.#opened.value;
    throw new NotOpenError(this);
  }

  async open(): Promise<void> {
    const made = this.#make();
    if (isGenerator(made)) {
      const { done, value } = await made.next();
      if (done) throw new Error("it yields nothing; it must yield once");
      this.#opened = { value, close: () => this.#finish(made) };
    } else {
      const value = await made;
      this.#opened = { value, close: disposal(value) };
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened;
    this.#opened = undefined;
    await opened?.close();
  }

  async #finish(
    generator: AsyncGenerator<T, unknown, undefined> | Generator<T, unknown, undefined>,
  ): Promise<void> {
    const { done } = await generator.next();
    if (done) return;
    warn(`resource has more than one yield: ${this.name}`);
    await generator.return(undefined);
  }
}

/** A resource was used that is not open. */
class NotOpenError extends Error {
  readonly resource: Lifecycle;
  constructor(resource: Lifecycle) {
    super(
      `Cannot use resource "${resource.name}": its session is not open; ` +
        `open the session, or the pipeline that it belongs to`,
    );
    this.resource = resource;
  }
}

/** The resource for whose lack something has failed. */
function lackingResource(error: unknown): Lifecycle | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof NotOpenError) return at.resource;
  }
  return undefined;
}

function isGenerator<T>(
  made: Made<T>,
): made is AsyncGenerator<T, unknown, undefined> | Generator<T, unknown, undefined> {
  return /^\[object (Async)?Generator\]$/.test(Object.prototype.toString.call(made));
}

function disposal(value: unknown): () => void | PromiseLike<void> {
  if (typeof value === "object" && value !== null) {
    if (Symbol.asyncDispose in value) {
      const dispose = value[Symbol.asyncDispose];
      if (typeof dispose === "function") return () => dispose.call(value);
    }
    if (Symbol.dispose in value) {
      const dispose = value[Symbol.dispose];
      if (typeof dispose === "function") return () => dispose.call(value);
    }
  }
  throw new TypeError(
    "what it returned cannot be disposed of; yield it from a generator that closes it behind the yield",
  );
}
