/**
 * Random pipelines, done by datatask and by the original, pydatatask 0.4.7: after every step both have the same ready
 * jobs and the same keys, answer the same, and print the same `status` and `trace`, byte for byte.
 *
 * What is not compared, and why. The other files of this folder name these entries where they apply. "A-05" and the like
 * are bugs of the original; their tests are listed in regressions_test.ts.
 *
 * | entry | what is left out | how | why |
 * |---|---|---|---|
 * | edges | jobs whose input another task may still write | held back in the original too | here, a task waits for another whose output it requires, job by job, with or without a plug; outputs under translated keys are not made |
 * | failures | jobs whose input a job wrote that failed | `failureOk` on all tasks | A-13: here, they are held otherwise |
 * | records | of a record, all but whether the job succeeded | reduced to that on both sides | here, records have other members and times are text |
 * | ready | the option `ready` without `done` in it | always made with it | the original starts such a job at every update for ever; here, not before something has changed |
 * | launch | `launch` of a disabled task without force | forced | the original starts it, here it is refused |
 * | order | functions of which one deletes, or changes a translation, where another reads or writes | not made | what they leave depends on the order of jobs: there, descending names; here, priority, task, natural order |
 * | time | the order of starts and ends within an update | functions give way once, and the clock stands still | the original finds out what is ready once an update; here, a job that another has made unready meanwhile is not started |
 * | values | values, where tasks write over each other's, or in a cycle | only keys are compared there | as "order" |
 * | run | `run`, where inhibitors, deletions or changed translations make the end depend on the order | `update` in its place | as "order"; the second's sleep between updates is left out (A-50) |
 * | rm | what `rm` prints besides the keys; of views and with keys given twice, these as well | reduced to the keys | here, repositories name themselves otherwise, a deletion that did nothing is not printed, and one that finds nothing is an error |
 * | rm -r | `rm -r` where views are linked, or tasks read what later ones write; `rm` of a task with links that are neither read nor written | not made | A-25: here, keys are followed through views, and what a task only reads is spared |
 * | ids | ids with `.`, `_`, `-` or more than 63 characters; names that are no ids, given as jobs | not made | A-51, S-01 |
 * | opening | tasks without an input, links or tasks of one name, a required repository that inhibits as well | not made | A-15, A-16, A-17: here, refused |
 * | missing keys | `None` and `undefined`; information of jobs that a view relates to nothing | both null; not asked | A-38 |
 * | A-05 | `enumerateUnless: false` | not made | the original blocks everything |
 * | A-06, A-07, A-08 | deletion of a missing key, blobs written over, and stale translations | repaired in the driver | without that nearly every pipeline would differ |
 * | A-09, A-10 | file names that differ by case | not made | the original contradicts itself |
 * | A-44 | what `run` returns | only `update` is compared | here, it is a report |
 *
 * @module
 */

import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { interceptWarnings } from "../../lib/warnings.ts";
import { inFolder } from "../temporary_folder.ts";
import { Original, PYTHON } from "./original.ts";
import { runOurs } from "./ours.ts";
import { scenarios } from "./random_scenario.ts";

const PIPELINES = Deno.env.get("DATATASK_SWEEP") === "1" ? 1200 : 60;

const installed = await Deno.stat(PYTHON).then(() => true, () => false);

Deno.test({
  name: "random pipelines are done as pydatatask 0.4.7 does them",
  ignore: !installed && Deno.env.get("CI") === undefined,
  async fn() {
    ok(installed, "Cannot compare with pydatatask: it is not installed; run scripts/bench/setup");
    using _ = interceptWarnings(() => {});
    await inFolder(async (folder) => {
      await using original = new Original();
      let count = 0;
      await fc.assert(
        fc.asyncProperty(scenarios, async (scenario) => {
          const own = `${folder}/${count++}`;
          const [theirs, ours] = await Promise.all([
            original.run(scenario, `${own}-original`),
            runOurs(scenario, `${own}-ours`),
          ]);
          deepStrictEqual(asJson(ours), theirs);
        }),
        { numRuns: PIPELINES },
      );
    });
  },
});

/** What is undefined here is null there ("missing keys"). */
function asJson(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value, (_, item) => item === undefined ? null : item));
}
