/**
 * `datatask new`: a pipeline to start from.
 *
 * @module
 */

import { EXIT } from "../cli/exit_code.ts";
import { writeMessage } from "../cli/output.ts";
import { UsageError } from "../cli/usage_error.ts";
import { OWN_NAME } from "../loader/own_package.ts";
import { PIPELINE_FILE } from "./pipeline_source.ts";

const TEXT = `/** For each book, a report of how many words it has. */

import {
  FileRepository,
  InProcessSyncTask,
  main,
  Pipeline,
  YamlMetadataFileRepository,
} from "${OWN_NAME}";

const books = new FileRepository("./books", ".txt");
const reports = new FileRepository("./reports", ".txt");
const done = new YamlMetadataFileRepository("./results");

const summary = new InProcessSyncTask("summary", done)
  .link("books", books, { isInput: true })
  .link("reports", reports, { isOutput: true })
  .func(async ({ job, books, reports }) => {
    const text = await books.readText(job);
    await reports.writeText(job, \`The book "\${job}" has \${text.split(/\\s+/).length} words\\n\`);
  });

export const pipeline = new Pipeline([summary]);
if (import.meta.main) await main(pipeline);
`;

/**
 * Writes a pipeline to start from.
 *
 * @param words The path of the file; `pipeline.ts`, if none is given.
 * @returns The exit code.
 * @throws {UsageError} If there is such a file already.
 */
export async function newPipeline(
  [file = PIPELINE_FILE, ...more]: readonly string[],
): Promise<number> {
  if (more.length > 0 || file.startsWith("-")) {
    throw new UsageError(`"new" does not take "${more[0] ?? file}"; usage: datatask new [FILE]`);
  }
  try {
    await Deno.writeTextFile(file, TEXT, { createNew: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
    throw new UsageError(`There is a file ${file} already; name another`, { cause: error });
  }
  const name = file === PIPELINE_FILE ? "" : `${file} `;
  writeMessage(`${file} is written. Put text files into ./books, then: datatask ${name}run\n`);
  return EXIT.OK;
}
