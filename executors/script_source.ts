/**
 * Where the script of a job comes from.
 *
 * @module
 */

import { JobError } from "../lib/errors.ts";
import type { Task } from "../lib/task.ts";
import { ShellScript } from "./sh.ts";
import type { Template } from "./template.ts";

/** What a script is made from: the job, the task's name, and of each link what it says of the job. */
export interface ScriptValues {
  /** The job. */
  readonly job: string;
  /** The name of the task. */
  readonly task: string;
  /** What a link's repository says of the job, under the link's name. */
  readonly [link: string]: unknown;
}

/** A script that is nothing but a path from the folder of the job, where there is no file. */
const RELATIVE_PATH = /^\s*\.\.?\/\S*\s*$/;

/** Makes the scripts of a task. What a link says of a job is only asked for where the script uses it. */
export class ScriptSource {
  readonly #task: Task;
  readonly #source: string | URL | { readonly file: string | URL } | ScriptFunction;
  /** The links that the function is known to use. */
  readonly #used = new Set<string>();
  #template: Promise<Template> | undefined;

  /** Makes the source; nothing is read. */
  constructor(
    task: Task,
    source: string | URL | { readonly file: string | URL } | ScriptFunction,
  ) {
    this.#task = task;
    this.#source = source;
  }

  /** Why it can make no script that works; undefined if nothing is known to be wrong. */
  get problem(): string | undefined {
    const source = this.#source;
    if (typeof source !== "string" || !RELATIVE_PATH.test(source)) return undefined;
    const path = JSON.stringify(source.trim());
    return `the template ${path} is taken as text, which would run ${path} in the empty folder of a job: ` +
      `if it is a file with a template, give { file: ${path} }`;
  }

  /**
   * The script of a job.
   *
   * @throws {JobError} If it cannot be made, with class `config`.
   * @throws {StoreError} If a link cannot say what it knows of the job.
   */
  async render(job: string): Promise<string> {
    const source = this.#source;
    if (typeof source === "function") return (await this.#call(source, job)).text;
    this.#template ??= import("./template.ts").then(({ Template }) =>
      Template.load(
        source instanceof URL ? { file: source } : source,
        `template of task "${this.#task.name}"`,
      )
    );
    const template = await this.#template.catch((error) => {
      this.#template = undefined; // the file may be there next time
      throw error;
    });
    const names = template.mentioned(this.#task.links.keys());
    return template.render(await this.#values(job, names));
  }

  async #values(job: string, names: Iterable<string>): Promise<ScriptValues> {
    const values: Record<string, unknown> = {};
    for (const name of names) values[name] = await this.#task.links.get(name)!.repo.info(job);
    return { ...values, job, task: this.#task.name };
  }

  /** Calls the function until all links are known that it looks at. */
  async #call(func: ScriptFunction, job: string): Promise<ShellScript> {
    for (;;) {
      const used = new Set(this.#used); // other jobs may add to it meanwhile
      const values = { ...await this.#values(job, used) };
      const missing = new Set<string>();
      for (const name of this.#task.links.keys()) {
        if (used.has(name)) continue;
        Object.defineProperty(values, name, {
          enumerable: true,
          get(): undefined {
            missing.add(name);
            return undefined;
          },
        });
      }
      let script: unknown;
      try {
        script = await func(values);
      } catch (error) {
        if (missing.size === 0) {
          throw error instanceof JobError ? error : new JobError(
            `Cannot make the script of task "${this.#task.name}" for "${job}": ${
              error instanceof Error ? error.message : error
            }; correct its function`,
            { cause: error, class: "config" },
          );
        }
      }
      for (const name of missing) this.#used.add(name);
      if (missing.size > 0) continue;
      if (script instanceof ShellScript) return script;
      throw new JobError(
        `Cannot make the script of task "${this.#task.name}" for "${job}": its function gives ${
          Deno.inspect(script, { breakLength: Infinity, compact: true })
        }; let it give a script made with sh`,
        { class: "config" },
      );
    }
  }
}

type ScriptFunction = (values: ScriptValues) => ShellScript | Promise<ShellScript>;
