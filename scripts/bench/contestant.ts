/**
 * datatask in the race: `deno run -A contestant.ts SCENARIO` in the scenario's directory. In `noop`, `incremental` and
 * `inproc` the outputs themselves say what is done.
 *
 * @module
 */

import { FileRepository, InProcessMetadataRepository, InProcessSyncTask, main, Pipeline } from "../../mod.ts";

const step = new InProcessSyncTask("step", new InProcessMetadataRepository())
  .link("source", new FileRepository("in", ""), { isInput: true })
  .link("target", new FileRepository("out", ""), { isOutput: true, inhibitsStart: true })
  .func(async ({ job, source, target }) => {
    await target.writeText(job, `${await source.readText(job)}${job}\n`);
  });

const [, ...words] = Deno.args;
await main(new Pipeline([step]), { args: words.length > 0 ? words : ["run"] });
