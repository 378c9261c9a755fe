/**
 * Pods that call a function: what runs in them, and what they leave.
 *
 * @module
 */

import type { DoneRecord } from "../lib/done_record.ts";
import { headline } from "../lib/failure.ts";
import { isMainModuleLoaded, mainModule } from "../lib/main_module.ts";
import { warn } from "../lib/warnings.ts";
import { lastWordsOf } from "./pod_record.ts";

/** The file of which Kubernetes keeps the first 4096 bytes as the last words of a container. */
const LAST_WORDS = "/dev/termination-log";

/** How the pod of a job runs the pipeline that is run here, only to call the function. */
export async function podCommand(task: string, job: string): Promise<readonly string[]> {
  const module = mainModule();
  const path = module.startsWith("file:") ? decodeURIComponent(new URL(module).pathname) : module;
  // What was loaded by the program may import this package by its name, of which the runtime knows nothing.
  const program = isMainModuleLoaded() ? [await programName()] : [];
  return [
    ...["deno", "run", "-A", ...program, path],
    ...["launch", task, job, "--sync", "--force"],
  ];
}

/** How the runtime gets the program that runs pipelines by URL, of the very version that makes the pods. */
async function programName(): Promise<string> {
  const { OWN_NAME, OWN_VERSION } = await import("../lib/loader/own_package.ts");
  return `jsr:${OWN_NAME}@${OWN_VERSION}/cli`;
}

/** Leaves word, for whoever has made the pod, of why the function failed. */
export async function leaveWord(record: DoneRecord): Promise<void> {
  try {
    await Deno.writeTextFile(LAST_WORDS, lastWordsOf(record), { create: false });
  } catch (error) {
    warn(`The record of the pod will not say why its function failed: ${headline(error)}`);
  }
}
