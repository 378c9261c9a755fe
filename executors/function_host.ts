/**
 * Calling functions of tasks in a thread or a process of their own: what runs there.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { Console } from "node:console";
import { Writable } from "node:stream";
import { getHeapStatistics } from "node:v8";
import { type DoneRecord, successRecord } from "../lib/done_record.ts";
import { JobError } from "../lib/errors.ts";
import { headline } from "../lib/failure.ts";
import { setLendingModule } from "../lib/main_module.ts";
import { Pipeline } from "../lib/pipeline.ts";
import type { Session } from "../lib/session.ts";
import type { Task } from "../lib/task.ts";
import { type CallMessage, Calls } from "./calls.ts";
import { functionFailure } from "./function_failure.ts";
import { FunctionTask } from "./function_task.ts";
import { reachStores } from "./memory_client.ts";
import type { MemoryService } from "./memory_server.ts";
import { sendError, type SentError } from "./remote_error.ts";

/** Milliseconds between two looks at whether the memory is used up. */
const CHECK = 250;

/** What a host of functions offers to the process that has started it. */
export type HostService = {
  /**
   * Calls a function.
   *
   * @param order Which, and for what.
   * @returns What happened.
   */
  readonly run: (order: RunOrder) => Promise<DoneRecord>;
  /** Asks a call to end. */
  readonly abort: (call: number, name: string, message: string) => void;
  /** Answers: it is not calculating. */
  readonly ping: () => void;
  /** Closes what is open. */
  readonly close: () => Promise<void>;
};

/** What the process that has started a host offers to it. */
export type OwnerService = MemoryService & {
  /** Takes what a call has written to its console. */
  readonly log: (call: number, text: Uint8Array) => void;
  /** Takes what was thrown where nobody catches it: in the course of a call, if that is known. */
  readonly uncaught: (call: number | undefined, error: SentError) => void;
  /** Takes in that its memory is used up. */
  readonly exhausted: () => void;
  /** Takes in that the thread or process ends itself: in the course of a call, if that is known, or of an import. */
  readonly exits: (call: number | undefined, code: number, importing: boolean) => void;
};

/** A call that a host is to make. */
export interface RunOrder {
  /** A number that is no other call's. */
  readonly call: number;
  /** The URL of the module that exports the task or its pipeline. */
  readonly module: string;
  /** What the main module of the program is known by. */
  readonly main: string;
  /** The name of the task. */
  readonly task: string;
  /** The job. */
  readonly job: string;
  /** When the attempt was started: milliseconds since 1970 UTC. */
  readonly started: number;
}

/** How to import modules, by their URL: for those that a process knows from its start. */
export type ModuleImports = Readonly<Record<string, () => Promise<Record<string, unknown>>>>;

/** Options of a {@linkcode FunctionHost}. */
export interface FunctionHostOptions {
  /** How to import the modules that are known from the start. */
  readonly imports?: ModuleImports;
  /** How many bytes its array buffers may take: they are no part of the heap. Unlimited, if it is not given. */
  readonly memory?: number | undefined;
}

/** Calls functions for the process that has started this one. */
export class FunctionHost {
  readonly #calls: Calls<OwnerService>;
  readonly #imports: ModuleImports;
  readonly #tasks = new Map<string, Promise<FunctionTask>>();
  readonly #sessions = new Set<Session>();
  readonly #running = new Map<number, RunningCall>();
  readonly #context = new AsyncLocalStorage<number>();
  /** How many modules are being imported. */
  #importing = 0;

  /**
   * Makes a host.
   *
   * @param send Takes a message to the process that has started this one.
   * @param options What it knows from the start.
   */
  constructor(
    send: (message: CallMessage) => void,
    { imports = {}, memory = Infinity }: FunctionHostOptions = {},
  ) {
    this.#imports = imports;
    const service: HostService = {
      run: (order) => this.#run(order),
      abort: (call, name, message) =>
        this.#running.get(call)?.abort(new DOMException(message, name)),
      close: async () => {
        await Promise.all(Array.from(this.#sessions, (session) => session.close()));
      },
      ping: () => {},
    };
    this.#calls = new Calls(send, service);
    this.#tellExhaustion(memory);
    this.#captureConsole();
    this.#tellUncaught();
    this.#tellExits();
  }

  /**
   * Begins to import a module before a function of it is called. What is wrong with it is said when one is.
   *
   * @param main What the main module of the program is known by.
   * @param module The URL of the module.
   */
  preload(main: string, module: string): void {
    setLendingModule(main, module);
    this.#import(module).catch(() => {}); // told by the calls
  }

  /** Takes in a message of the process that has started this one. */
  receive(message: CallMessage): void {
    this.#calls.receive(message);
  }

  async #run(order: RunOrder): Promise<DoneRecord> {
    const { call, job, started } = order;
    const running = new RunningCall();
    this.#running.set(call, running);
    try {
      const task = await this.#taskOf(order);
      await this.#context.run(call, () => task.callFunction(job, running));
      return successRecord(started, Date.now());
    } catch (error) {
      return functionFailure(error, started);
    } finally {
      this.#running.delete(call);
    }
  }

  async #import(module: string): Promise<Record<string, unknown>> {
    this.#importing++;
    try {
      return await (this.#imports[module]?.() ?? import(module));
    } finally {
      this.#importing--;
    }
  }

  /** A task that could not be made ready is tried anew: a store may have been out of reach. */
  #taskOf(order: RunOrder): Promise<FunctionTask> {
    const key = `${order.task} ${order.module}`;
    const known = this.#tasks.get(key);
    if (known !== undefined) return known;
    const making = this.#makeReady(order);
    this.#tasks.set(key, making);
    making.catch(() => this.#tasks.delete(key));
    return making;
  }

  async #makeReady(order: RunOrder): Promise<FunctionTask> {
    setLendingModule(order.main, order.module);
    const { task, session } = await findTask(order, (module) => this.#import(module));
    reachStores(task, this.#calls);
    const repositories = new Set(Array.from(task.links.values(), ({ repo }) => repo));
    if (session !== undefined) this.#sessions.add(session);
    await session?.openFor(async () => {
      for (const repository of repositories) await repository.validate({ create: false });
    });
    return task;
  }

  /** Sends what is written to the console to where it belongs: to the call that writes it. */
  #captureConsole(): void {
    const stream = new Writable({
      decodeStrings: true,
      write: (chunk: Uint8Array, _encoding, done) => {
        const call = this.#context.getStore();
        if (call === undefined) writeAllSync(chunk);
        else void this.#calls.call("log", call, new Uint8Array(chunk)).catch(() => {}); // who would be told?
        done();
      },
    });
    globalThis.console = new Console(stream, stream) as typeof globalThis.console;
  }

  /**
   * Whatever runs when the memory of a thread is used up is ended without a word, so that what waits for it waits for
   * ever; it may be what takes in messages. But the limit is raised at that moment, and timers go on. Array buffers may
   * be garbage: only those that are there at two looks count.
   */
  #tellExhaustion(memory: number): void {
    const limit = getHeapStatistics().heap_size_limit;
    let looks = 0;
    setInterval(() => {
      const { heap_size_limit, external_memory } = getHeapStatistics();
      looks = external_memory > memory ? looks + 1 : 0;
      if (heap_size_limit === limit && looks < 2) return;
      void this.#calls.call("exhausted").catch(() => {}); // it is ended
    }, CHECK);
  }

  /** What nobody catches is told, so that it is known whose it is, and does not end the thread of others. */
  #tellUncaught(): void {
    const tell = (error: unknown): void => {
      const call = this.#context.getStore();
      void this.#calls.call("uncaught", call, sendUncaught(error)).catch(() => {}); // who would be told?
    };
    globalThis.addEventListener("error", (event) => {
      event.preventDefault();
      tell(event.error);
    });
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      tell(event.reason);
    });
    // The runtime forgets in whose course a timer was set when it tells what its callback has thrown.
    for (const name of ["setTimeout", "setInterval"] as const) {
      const native = globalThis[name];
      const told = (callback: unknown, ...args: unknown[]): unknown =>
        Reflect.apply(native, globalThis, [
          typeof callback !== "function" ? callback : (...given: unknown[]): void => {
            try {
              callback(...given);
            } catch (error) {
              tell(error);
            }
          },
          ...args,
        ]);
      Object.defineProperty(globalThis, name, { value: told, configurable: true, writable: true });
    }
  }

  /** Whoever ends the thread or process says so before. */
  #tellExits(): void {
    const tell = (code: number): void => {
      const told = this.#calls.call("exits", this.#context.getStore(), code, this.#importing > 0);
      void told.catch(() => {}); // it is not there any more
    };
    const exit = Deno.exit.bind(Deno);
    Deno.exit = (code?: number): never => {
      const given = code ?? Deno.exitCode;
      tell(given);
      return exit(given);
    };
    const close = globalThis.close.bind(globalThis);
    const told = (): void => {
      tell(0);
      close();
    };
    Object.defineProperty(globalThis, "close", { value: told, configurable: true, writable: true });
  }
}

/** What was thrown, of whatever kind. */
function sendUncaught(error: unknown): SentError {
  try {
    return sendError(error);
  } catch { // its properties throw
    return sendError(new Error("what was thrown cannot be shown"));
  }
}

/** A call that is being made. */
class RunningCall {
  #controller: AbortController | undefined;

  /** Made when it is first looked at: most functions never do. */
  get signal(): AbortSignal {
    return (this.#controller ??= new AbortController()).signal;
  }

  /** Asks the function to end. */
  abort(reason: DOMException): void {
    (this.#controller ??= new AbortController()).abort(reason);
  }
}

function writeAllSync(bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
}

/** Finds a task among what a module exports. */
async function findTask(
  { module, task: name }: RunOrder,
  importModule: (module: string) => Promise<Record<string, unknown>>,
): Promise<{ readonly task: FunctionTask; readonly session: Session | undefined }> {
  let exported: Record<string, unknown>;
  try {
    exported = await importModule(module);
  } catch (cause) {
    throw new JobError(
      `Cannot run task "${name}" in a thread or process of its own: its module ${module} cannot be imported there: ${
        headline(cause)
      }`,
      { class: "config", cause },
    );
  }
  const found = new Map<Task, Session | undefined>();
  for (const value of Object.values(exported)) {
    if (value instanceof Pipeline) {
      for (const task of value.tasks) if (task.name === name) found.set(task, value.session);
    } else if (value instanceof FunctionTask && value.name === name && !found.has(value)) {
      found.set(value, undefined);
    }
  }
  const [first, ...others] = found;
  if (first !== undefined && others.length === 0 && first[0] instanceof FunctionTask) {
    return { task: first[0], session: first[1] };
  }
  const problem = first === undefined
    ? "exports neither a pipeline with that task nor the task itself; export the pipeline"
    : others.length > 0
    ? "exports several tasks of that name; give them names of their own"
    : "exports under that name a task that is no function";
  throw new JobError(
    `Cannot run task "${name}" in a thread or process of its own: its module ${module} ${problem}`,
    { class: "config" },
  );
}
