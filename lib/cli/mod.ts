/**
 * The command line of pipelines, and its verbs as functions.
 *
 * @example A verb of your own
 * ```ts
 * import { InProcessMetadataRepository, InProcessSyncTask, main, Pipeline } from "@datatask/datatask";
 * import { strictEqual } from "node:assert";
 *
 * const numbers = new InProcessMetadataRepository(new Map([["a", 1]]));
 * const task = new InProcessSyncTask("show", new InProcessMetadataRepository())
 *   .link("numbers", numbers, { isInput: true })
 *   .func(() => {});
 *
 * const code = await main(new Pipeline([task]), {
 *   instrument: (verbs) => {
 *     verbs.set("clear", {
 *       name: "clear",
 *       summary: "Forget all numbers",
 *       run: () => Promise.resolve(numbers.data.clear()),
 *     });
 *   },
 *   args: ["clear"],
 * });
 * strictEqual(code, 0);
 * strictEqual(numbers.data.size, 0);
 * ```
 *
 * @module
 */

export { catData, type CatDataOptions } from "./cat.ts";
export { injectData, type InjectDataOptions } from "./inject.ts";
export { launch, type LaunchOptions, type LaunchOutcome } from "./launch.ts";
export { listData, type ListDataOptions } from "./ls.ts";
export { main, type MainOptions } from "./main.ts";
export { deleteData, type DeleteDataOptions } from "./rm.ts";
export { run } from "./run.ts";
export { shell } from "./shell.ts";
export { printStatus, type PrintStatusOptions } from "./status.ts";
export { printTrace, type PrintTraceOptions } from "./trace.ts";
export { update } from "./update.ts";
export { UsageError } from "./usage_error.ts";
export { type Verb, type VerbContext, type VerbOption } from "./verb.ts";
