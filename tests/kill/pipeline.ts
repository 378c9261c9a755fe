/**
 * A run of many jobs, to be killed: `pipeline.ts KIND FOLDER COUNT`. Prints the number of jobs it did when it ends.
 *
 * @module
 */

import {
  type BlobRepository,
  FileRepository,
  InProcessMetadataRepository,
  InProcessSyncTask,
  type MetadataRepository,
  Pipeline,
  run,
  SqliteBlobRepository,
  SqliteMetadataRepository,
  YamlMetadataFileRepository,
} from "../../mod.ts";

/** The stores that a run is made over. */
export type Kind = "files" | "sqlite";

/** What the run writes. */
export interface Stores {
  /** The result of the first stage. */
  readonly middle: BlobRepository;
  /** The result of the second stage. */
  readonly result: BlobRepository;
  /** The records of both stages. */
  readonly done: readonly MetadataRepository[];
  /** Closes what has to be closed. */
  close(): void;
}

/** The stores of a run. */
export function storesIn(kind: Kind, folder: string): Stores {
  if (kind === "files") {
    return {
      middle: new FileRepository(`${folder}/middle`, ".txt"),
      result: new FileRepository(`${folder}/result`, ".txt"),
      done: ["first", "second"].map((name) => new YamlMetadataFileRepository(`${folder}/${name}`)),
      close() {},
    };
  }
  const file = `${folder}/stores.db`;
  const middle = new SqliteBlobRepository(file, "middle");
  const result = new SqliteBlobRepository(file, "result");
  const done = ["first", "second"].map((name) => new SqliteMetadataRepository(file, name));
  return {
    middle,
    result,
    done,
    close: () => [middle, result, ...done].forEach((store) => store[Symbol.dispose]()),
  };
}

/** The keys of a run. */
export function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `job${index}`);
}

/** What a stage writes for a key: long enough that half of it would show. */
export function valueOf(stage: string, job: string): string {
  return `${stage} ${job}\n`.repeat(400) + "end\n";
}

if (import.meta.main) {
  const [kind, folder, count] = Deno.args;
  const { middle, result, done } = storesIn(kind === "sqlite" ? "sqlite" : "files", folder!);
  const jobs = new InProcessMetadataRepository(
    new Map(keysOf(Number(count)).map((job) => [job, true])),
  );
  const first = new InProcessSyncTask("first", done[0]!)
    .link("jobs", jobs, { isInput: true })
    .link("middle", middle, { isOutput: true })
    .func(({ job, middle }) => middle.writeText(job, valueOf("middle", job)));
  const second = new InProcessSyncTask("second", done[1]!)
    .link("middle", middle, { isInput: true })
    .link("result", result, { isOutput: true })
    .func(async ({ job, middle, result }) => {
      if (await middle.readText(job) !== valueOf("middle", job)) throw new Error("half a value");
      await result.writeText(job, valueOf("result", job));
    });
  const { succeeded, failed } = await run(new Pipeline([first, second]));
  console.log(JSON.stringify({ succeeded, failed }));
}
