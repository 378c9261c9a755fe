/**
 * Where the pod of a job comes from.
 *
 * @module
 */

import { mainModule } from "../lib/main_module.ts";
import type { Task } from "../lib/task.ts";
import type { PodManifest } from "./pod_api.ts";
import { ScriptSource, type ScriptValues } from "./script_source.ts";
import { ShellScript } from "./sh.ts";

/** Makes the pod of a job from the job, the task's name, and of each link what it says of the job. */
export type PodFunction<Values = ScriptValues> = (
  values: Values,
) => PodManifest | Promise<PodManifest>;

/** A text that is nothing but a path, as no pod is. */
const PATH = /^\s*(?:\.{0,2}\/\S*|\S+\.(?:ya?ml|json))\s*$/;

/** Makes the pods of a task. What a link says of a job is only asked for where the template uses it. */
export class PodSource {
  /** Why it can make no pod; undefined if nothing is known to be wrong. */
  readonly problem: string | undefined;
  readonly #task: Task;
  readonly #render: (job: string) => Promise<string>;

  /**
   * Makes the source; nothing is read.
   *
   * @param task The task.
   * @param source A template, a file with one, or a function.
   * @param variables What a template can use besides.
   */
  constructor(
    task: Task,
    source: string | URL | { readonly file: string | URL } | PodFunction,
    variables: Readonly<Record<string, unknown>>,
  ) {
    this.#task = task;
    if (typeof source === "string" && PATH.test(source)) {
      const path = JSON.stringify(source.trim());
      this.problem = `the template ${path} is taken as text, and is no pod: ` +
        `if it is a file with a template, give { file: ${path} }`;
    }
    if (typeof source === "function") {
      const script = new ScriptSource(
        task,
        async (values) => new ShellScript(JSON.stringify(await source(values)) ?? "null"),
      );
      this.#render = (job) => script.render(job);
    } else {
      const file = source instanceof URL ? { file: source } : source;
      this.#render = (job) => this.#fill(file, variables, job);
    }
  }

  /**
   * The pod of a job.
   *
   * @throws {JobError} If it cannot be made, with class `config`.
   * @throws {StoreError} If a link cannot say what it knows of the job.
   */
  async render(job: string): Promise<PodManifest> {
    const text = await this.#render(job);
    const { readManifest } = await import("./pod_manifest.ts");
    return await readManifest(text, `what the template of task "${this.#task.name}" gives`);
  }

  async #fill(
    source: string | { readonly file: string | URL },
    variables: Readonly<Record<string, unknown>>,
    job: string,
  ): Promise<string> {
    const { name, links } = this.#task;
    const { Template } = await import("./template.ts");
    const template = await Template.load(source, `template of task "${name}"`);
    const values: Record<string, unknown> = { argv0: mainModule(), ...variables };
    for (const link of template.mentioned(links.keys())) {
      values[link] = await links.get(link)!.repo.info(job);
    }
    return template.render({ ...values, job, task: name });
  }
}
