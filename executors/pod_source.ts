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

/** What the pods of a task are made from. */
export interface PodTemplate {
  /** A template, a file with one, or a function. */
  readonly source: string | URL | { readonly file: string | URL } | PodFunction;
  /** What a template can use besides. */
  readonly variables: Readonly<Record<string, unknown>>;
}

/** Makes the pods of a task. What a link says of a job is only asked for where the template uses it. */
export class PodSource {
  readonly #task: Task;
  readonly #render: (job: string) => Promise<string>;

  /** Makes the source; nothing is read. */
  constructor(task: Task, { source, variables }: PodTemplate) {
    this.#task = task;
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
