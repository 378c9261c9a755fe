/**
 * Functions in processes of their own.
 *
 * @module
 */

import { JobError } from "../lib/errors.ts";
import { isMainModuleLoaded } from "../lib/main_module.ts";
import { moduleCommand } from "../lib/module_command.ts";
import { parseQuantity, type Quantity } from "../lib/resources.ts";
import type { HostEvents, HostLine } from "./executor_host.ts";
import { ExecutorPool, type ExecutorPoolOptions } from "./executor_pool.ts";
import { MemoryWatch } from "./memory_watch.ts";
import { type ExecutorPermissions, permissionFlags } from "./permission_flags.ts";
import { ProcessGuard } from "./process_guard.ts";
import { Pump } from "./pump.ts";

/** Options of a {@linkcode SubprocessExecutor}. */
export interface SubprocessExecutorOptions extends ExecutorPoolOptions {
  /**
   * How much memory the heap of a process may take, in bytes, and its array buffers as much besides. A function that needs
   * more has failed with class `oom`. What V8 takes by default, if it is not given. The memory of a function that only
   * makes array buffers, and never waits, is looked at from outside, on Linux, where this program may read `/proc`.
   */
  readonly memory?: Quantity;
  /** Seconds after which a function is ended. Unlimited, if it is not given; the `timeout` of the task holds as well. */
  readonly timeout?: number;
  /**
   * What the functions may do. By kind, true, or the names that `deno run` takes for it; what is not named is denied.
   *
   * @default {"what this program may do without a question"}
   */
  readonly permissions?: ExecutorPermissions;
}

/**
 * Runs functions in a pool of Deno processes. A process is started when it is needed, and used again; with
 * `recycleAfter: 1`, each function has one of its own.
 *
 * Whatever a function does, it can be ended, and this process goes on: one that never ends, that eats all memory, that
 * ends its process. A process costs 50 ms and 50 MB. It ends by itself when this program does. What a function has started
 * with `Deno.Command` ends with its process, unless it was made a daemon: `detached: true`.
 *
 * @example Usage
 * ```ts
 * import { ExecutorTask, InProcessMetadataRepository, SubprocessExecutor } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const executor = new SubprocessExecutor({ size: 2, memory: "512Mi", timeout: 60 });
 * const task = new ExecutorTask("count", executor, new InProcessMetadataRepository());
 * strictEqual(task.defaultMaxConcurrent, 2);
 * ```
 */
export class SubprocessExecutor extends ExecutorPool {
  readonly #megabytes: number | undefined;
  readonly #permissions: ExecutorPermissions | undefined;
  readonly #guard = new ProcessGuard();

  /**
   * Makes an executor. No process is started.
   *
   * @param options How many processes there are, and what each may take and do.
   * @throws {TypeError} If a number cannot be.
   */
  constructor(options: SubprocessExecutorOptions = {}) {
    super(options, options.timeout);
    const { memory, permissions } = options;
    this.#megabytes = memory === undefined
      ? undefined
      : Math.max(1, Math.floor(Number(parseQuantity(memory)) / 2 ** 20));
    this.#permissions = permissions;
    if (Deno.build.standalone && (memory !== undefined || permissions !== undefined)) {
      throw new TypeError(
        "Cannot limit the memory or the permissions of processes: this program is one file, whose limits are those it " +
          "was made with; leave out memory and permissions, or run the pipeline with deno run",
      );
    }
  }

  /** Why a process could not import a module: that of a program that is in no file is known to this process only. */
  refusal(module: string): string | undefined {
    const [, origin] = /\/\$deno\$(stdin|eval|repl)\.[a-z]+$/.exec(module) ?? [];
    if (origin === undefined) return undefined;
    const source = origin === "stdin" ? "standard input" : `deno ${origin}`;
    return `is the text of ${source}, which no other process can import: write it to a file, and run that, ` +
      "or take a WorkerExecutor";
  }

  /** Starts a process. */
  protected override async start(
    { onMessage, onOutput, onExhausted, onEnd }: HostEvents,
    module: string,
  ): Promise<HostLine> {
    const { frame, FrameReader, newMark } = await import("./frames.ts"); // with slow parts of the platform
    const mark = newMark();
    const { program, args } = moduleCommand(
      entry(module),
      [
        ...permissionFlags(this.#permissions),
        // What a loader has translated imports nothing by names of the user's.
        ...configFlags(isMainModuleLoaded() ? import.meta.url : module),
        ...this.#megabytes === undefined
          ? []
          : [`--v8-flags=--max-old-space-size=${this.#megabytes}`],
      ],
    );
    const child = new Deno.Command(program, {
      args: [
        ...args,
        mark,
        ...this.#megabytes === undefined ? [] : [String(this.#megabytes * 2 ** 20)],
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      detached: true, // Ctrl-C is for this program to handle; and it leads a group of its own, which can be ended
    }).spawn();
    this.#guard.add(child.pid);
    const watch = new MemoryWatch(child.pid, this.#megabytes, onExhausted);
    const writer = child.stdin.getWriter();
    const reader = new FrameReader(mark, onMessage, onOutput);
    const errors: string[] = [];
    const pumps = [
      new Pump(child.stdout, (chunk) => reader.push(chunk)),
      new Pump(child.stderr, (chunk) => {
        errors.push(new TextDecoder().decode(chunk));
        if (errors.length > LAST_ERRORS) errors.shift();
        onOutput(chunk);
      }),
    ];
    let killed = false;
    const ended = child.status.then(async (status) => {
      const usedUp = watch.end();
      await this.#guard.remove(child.pid); // which ends what it has started
      await Promise.all(pumps.map((pump) => pump.finish()));
      reader.end();
      await writer.abort().catch(() => {}); // what it was not told, it need not know any more
      const { exitError } = await import("./subprocess_exit.ts");
      onEnd(
        killed
          ? new JobError("Its process was ended", { class: "cancelled" })
          : exitError(status, errors.join(""), usedUp),
      );
    });
    return {
      send: (message) => void writer.write(frame(mark, message)).catch(() => {}), // it has ended
      async kill() {
        killed = true;
        try {
          child.kill("SIGKILL");
        } catch (error) {
          if (!(error instanceof TypeError)) throw error; // it has ended
        }
        await ended;
      },
      hold(holds) {
        if (holds) child.ref();
        else child.unref();
      },
    };
  }
}

/** How many pieces of what a process has written to standard error are kept, to tell why it has died. */
const LAST_ERRORS = 20;

/**
 * The module that runs in the process. It names the user's module, so that this is loaded without a permission to read.
 * Where the program is one file, that cannot load such a module, and needs no permission.
 */
function entry(module: string): string {
  const main = new URL("./subprocess_main.ts", import.meta.url).href;
  const start = new URL("./subprocess_start.ts", import.meta.url).href;
  if (Deno.build.standalone) return start;
  const [own, user] = [JSON.stringify(main), JSON.stringify(module)];
  const source = `import { serve } from ${own}; await serve({ [${user}]: () => import(${user}) });`;
  return `data:text/javascript,${encodeURIComponent(source)}`;
}

/** The configuration by which Deno would run a module. */
function configFlags(module: string): string[] {
  if (!module.startsWith("file:")) return ["--no-config"];
  for (let folder = new URL(".", module);; folder = new URL("..", folder)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const file = new URL(name, folder);
      try {
        if (Deno.statSync(file).isFile) return [`--config=${decodeURIComponent(file.pathname)}`];
      } catch {
        // not there, or not to be seen: Deno itself would not find it either
      }
    }
    if (folder.pathname === "/") return ["--no-config"];
  }
}
