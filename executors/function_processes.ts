/**
 * Processes of a `SubprocessExecutor`.
 *
 * @module
 */

import { JobError } from "../lib/errors.ts";
import { isMainModuleLoaded } from "../lib/main_module.ts";
import { moduleCommand } from "../lib/module_command.ts";
import type { HostEvents, HostLine } from "./executor_host.ts";
import { frame, FrameReader, newMark } from "./frames.ts";
import { MemoryWatch } from "./memory_watch.ts";
import { type ExecutorPermissions, permissionFlags } from "./permission_flags.ts";
import { ProcessGuard } from "./process_guard.ts";
import { Pump } from "./pump.ts";

/** How many pieces of what a process has written to standard error are kept, to tell why it has died. */
const LAST_ERRORS = 20;

/** Starts processes in which functions run, and sees to it that they end with this program. */
export class FunctionProcesses {
  readonly #megabytes: number | undefined;
  readonly #permissions: ExecutorPermissions | undefined;
  readonly #guard = new ProcessGuard();

  /**
   * Makes it. Nothing is started.
   *
   * @param megabytes How much memory the heap of each may take, and its array buffers besides; what V8 takes by default,
   * if it is not given.
   * @param permissions What they may do; what this program may do, if it is not given.
   */
  constructor(megabytes: number | undefined, permissions: ExecutorPermissions | undefined) {
    this.#megabytes = megabytes;
    this.#permissions = permissions;
  }

  /**
   * Starts a process.
   *
   * @param events What it tells.
   * @param module The URL of the module whose functions are called first.
   * @returns The line to it.
   */
  start({ onMessage, onOutput, onExhausted, onEnd }: HostEvents, module: string): HostLine {
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
