/**
 * Runs pipelines that are described as data with datatask.
 *
 * @module
 */

import { AggregateAndRepository, AggregateOrRepository } from "../../lib/aggregate_repository.ts";
import { BlobRepository } from "../../lib/blob_repository.ts";
import { BlockingRepository } from "../../lib/blocking_repository.ts";
import { deleteData } from "../../lib/cli/rm.ts";
import { printStatus } from "../../lib/cli/status.ts";
import { printTrace } from "../../lib/cli/trace.ts";
import { UsageError } from "../../lib/cli/usage_error.ts";
import { launch } from "../../lib/cli/launch.ts";
import { run } from "../../lib/cli/run.ts";
import { type Env, systemEnv } from "../../lib/env.ts";
import { Pipeline } from "../../lib/pipeline.ts";
import { RelatedItemRepository } from "../../lib/related_item_repository.ts";
import { MetadataRepository, type Repository } from "../../lib/repository.ts";
import { InProcessSyncTask } from "../../executors/in_process_sync_task.ts";
import { FileRepository } from "../../repos/file_repository.ts";
import { InProcessBlobRepository } from "../../repos/in_process_blob_repository.ts";
import { InProcessMetadataRepository } from "../../repos/in_process_metadata_repository.ts";
import { YamlMetadataFileRepository } from "../../repos/yaml_metadata_repository.ts";
import { captured } from "./stdout.ts";
import type { Action, Scenario, Step, StoreSpec, TaskSpec, ViewSpec } from "./scenario.ts";

/** What is seen of a pipeline after a step. */
export interface Seen {
  /** What the step gave. */
  readonly result: unknown;
  /** The jobs that are ready, by task. */
  readonly ready: Readonly<Record<string, readonly string[]>>;
  /** The repositories. */
  readonly repos: Readonly<Record<string, SeenRepository>>;
  /** What `status` prints: without and with all links. */
  readonly status: readonly string[];
  /** What `trace` prints: without and with all links. */
  readonly trace: readonly string[];
}

/** What is seen of a repository. */
export interface SeenRepository {
  readonly keys: readonly string[];
  readonly contains: readonly string[];
  readonly infos?: Readonly<Record<string, unknown>>;
  readonly values?: Readonly<Record<string, unknown>>;
}

/** A clock that stands still: all that is ready at a look is started before anything ends ("time"). */
const env: Env = { ...systemEnv, elapsed: () => 0 };

/** Runs a pipeline, and says what is seen at first and after each step. */
export async function runOurs(scenario: Scenario, folder: string): Promise<Seen[]> {
  const repos = new Map<string, Repository>();
  for (const spec of scenario.stores) repos.set(spec.name, await storeOf(spec, folder));
  for (const spec of scenario.views) repos.set(spec.name, viewOf(spec, repos));
  const tasks = new Map<string, InProcessSyncTask>();
  for (const spec of scenario.tasks) tasks.set(spec.name, taskOf(spec, repos, tasks));
  await using pipeline = new Pipeline(tasks.values(), undefined, { env });
  await pipeline.open();
  const seen = [await look(scenario, pipeline, repos, undefined)];
  for (const step of scenario.steps) {
    seen.push(await look(scenario, pipeline, repos, await take(step, pipeline, repos)));
  }
  return seen;
}

async function storeOf({ name, kind, data }: StoreSpec, folder: string): Promise<Repository> {
  const entries = Object.entries(data);
  if (kind === "metadata") return new InProcessMetadataRepository(new Map(entries));
  if (kind === "blob") {
    const encoder = new TextEncoder();
    const bytes = entries.map(([key, text]): [string, Uint8Array] => [key, encoder.encode(text)]);
    return new InProcessBlobRepository(new Map(bytes));
  }
  const path = `${folder}/${name}`;
  await Deno.mkdir(path, { recursive: true });
  for (const [key, text] of entries) {
    if (kind === "file") await Deno.writeTextFile(`${path}/${key}.txt`, text);
    else await Deno.writeTextFile(`${path}/${key}.yaml`, JSON.stringify(text));
  }
  return kind === "file" ? new FileRepository(path, ".txt") : new YamlMetadataFileRepository(path);
}

function viewOf(spec: ViewSpec, repos: ReadonlyMap<string, Repository>): Repository {
  switch (spec.kind) {
    case "and":
    case "or": {
      const children = Object.fromEntries(
        spec.children.map((name, i) => [`c${i}`, repos.get(name)!]),
      );
      return spec.kind === "and"
        ? new AggregateAndRepository(children)
        : new AggregateOrRepository(children);
    }
    case "blocking":
      return new BlockingRepository(repos.get(spec.source)!, repos.get(spec.unless)!);
    case "map": {
      const { keep, wraps, allowDeletes } = spec;
      return repos.get(spec.base)!.map((info) => wraps ? [info ?? null] : info, {
        allowDeletes,
        ...keep !== null && { filter: (job: string) => keep.includes(job) },
      });
    }
    case "related":
      return new RelatedItemRepository(
        repos.get(spec.base)!,
        translatorIn(repos, spec.translator),
        spec,
      );
  }
}

function translatorIn(
  repos: ReadonlyMap<string, Repository>,
  name: string,
): MetadataRepository<string> {
  const repo = repos.get(name);
  if (!(repo instanceof InProcessMetadataRepository)) {
    throw new TypeError(`${name} is no translator`);
  }
  return repo;
}

function taskOf(
  spec: TaskSpec,
  repos: ReadonlyMap<string, Repository>,
  tasks: ReadonlyMap<string, InProcessSyncTask>,
): InProcessSyncTask {
  const done = repos.get(spec.done);
  if (!(done instanceof MetadataRepository)) throw new TypeError(`${spec.done} takes no records`);
  let task = new InProcessSyncTask(spec.name, done, {
    disabled: spec.disabled,
    failureOk: true, // "failures"
    ...spec.ready !== null && { ready: repos.get(spec.ready)! },
  });
  for (const { name, repo, flags } of spec.links) {
    task = task.link(name, repos.get(repo)!, flags);
  }
  for (const plug of spec.plugs) {
    task = task.plug(tasks.get(plug.task)!, {
      meta: plug.meta,
      translateAllowDeletes: plug.allowDeletes,
      translatePrefetchLookup: plug.prefetchLookup,
      // The compiler knows no output of a task whose links are made from data.
      ...plug.outputLinks !== null && { outputLinks: plug.outputLinks as never[] },
      ...plug.translator !== null && { translator: translatorIn(repos, plug.translator) },
    });
  }
  return task.func(async ({ job }) => {
    await Promise.resolve(); // "time"
    for (const action of spec.actions) await act(action, spec.name, job, repos);
  });
}

async function act(
  action: Action,
  task: string,
  job: string,
  repos: ReadonlyMap<string, Repository>,
): Promise<void> {
  switch (action.do) {
    case "fail":
      if (action.jobs.includes(job)) throw new Error(job);
      return;
    case "write":
      return await write(
        repos.get(action.repo)!,
        action.at ?? job,
        action.value ?? `${task}:${job}`,
      );
    case "copy":
      return await write(
        repos.get(action.to)!,
        job,
        `${await read(repos.get(action.repo)!, job)}!`,
      );
    case "remove":
      return await repos.get(action.repo)!.delete(job);
  }
}

async function read(repo: Repository, job: string): Promise<unknown> {
  if (!await repo.contains(job)) throw new Error(`no ${job}`);
  return repo instanceof BlobRepository ? await repo.readText(job) : await repo.info(job);
}

async function write(repo: Repository, job: string, value: string): Promise<void> {
  if (repo instanceof BlobRepository) await repo.writeText(job, value);
  else if (repo instanceof MetadataRepository) await repo.dump(job, value);
  else throw new TypeError(`nothing can be written to ${repo}`);
}

async function take(
  step: Step,
  pipeline: Pipeline,
  repos: ReadonlyMap<string, Repository>,
): Promise<unknown> {
  switch (step.do) {
    case "update":
      return await pipeline.update();
    case "run":
      await run(pipeline);
      return;
    case "put":
      return await write(repos.get(step.repo)!, step.job, step.value);
    case "delete":
      return await repos.get(step.repo)!.delete(step.job);
    case "launch": {
      const outcome = await launch(pipeline, step.task, step.job, { force: step.force });
      return outcome !== "refused";
    }
    case "rm": {
      const text = await captured(async () => {
        try {
          await deleteData(pipeline, step.data, step.jobs, { recursive: step.recursive });
        } catch (error) {
          if (!(error instanceof UsageError)) throw error; // "rm"
        }
      });
      return step.counted
        ? text.split("\n").slice(0, -1).map((line) => line.split(" ")[0]).sort()
        : null;
    }
  }
}

async function look(
  scenario: Scenario,
  pipeline: Pipeline,
  repos: ReadonlyMap<string, Repository>,
  result: unknown,
): Promise<Seen> {
  const ready: Record<string, string[]> = {};
  for (const task of pipeline.tasks) {
    ready[task.name] = [...await pipeline.gatherReadyJobs(task)].sort();
  }
  const seen: Record<string, SeenRepository> = {};
  for (const [name, repo] of repos) {
    const keys = (await Array.fromAsync(repo)).sort();
    const contains: string[] = [];
    for (const job of scenario.jobs) if (await repo.contains(job)) contains.push(job);
    const infos = scenario.informative.includes(name)
      ? { infos: Object.fromEntries(await repo.infoAll()) }
      : undefined;
    const values: Record<string, unknown> = {};
    if (scenario.comparable.includes(name)) {
      for (const job of keys) values[job] = verdict(await read(repo, job));
    }
    seen[name] = {
      keys,
      contains,
      ...infos,
      ...scenario.comparable.includes(name) && { values },
    };
  }
  const jobs = [...scenario.jobs, "foo"];
  const [shown, every] = [{ all: false }, { all: true }];
  return {
    result,
    ready,
    repos: seen,
    status: [
      await captured(() => printStatus(pipeline, shown)),
      await captured(() => printStatus(pipeline, every)),
    ],
    trace: [
      await captured(() => printTrace(pipeline, { jobs, ...shown })),
      await captured(() => printTrace(pipeline, { jobs, ...every })),
    ],
  };
}

/** Of a record, only whether the job succeeded ("records"). */
function verdict(value: unknown): unknown {
  if (typeof value !== "object" || value === null || !("success" in value)) return value;
  return value.success === true ? "succeeded" : "failed";
}
