/**
 * The verbs of the command line. What only some of them need is imported when they run: each program starts sooner.
 *
 * @module
 */

import { cancelVerb } from "./cancel.ts";
import { catVerb } from "./cat.ts";
import { completeVerb, completionsVerb } from "./completions.ts";
import { graphVerb } from "./graph.ts";
import { injectVerb } from "./inject.ts";
import { launchVerb } from "./launch.ts";
import { logsVerb } from "./logs.ts";
import { lsVerb } from "./ls.ts";
import { planVerb } from "./plan.ts";
import { retryVerb } from "./retry.ts";
import { rmVerb } from "./rm.ts";
import { runVerb } from "./run.ts";
import { shellVerb } from "./shell.ts";
import { statusVerb } from "./status.ts";
import { traceVerb } from "./trace.ts";
import { updateVerb } from "./update.ts";
import type { Verb } from "./verb.ts";
import { whyVerb } from "./why.ts";

/**
 * The verbs that every pipeline has.
 *
 * @returns The verbs, in the order in which help shows them. What begins with `__` is for programs, and is not shown.
 */
export function allVerbs(): Verb[] {
  return [
    runVerb,
    updateVerb,
    statusVerb,
    traceVerb,
    whyVerb,
    planVerb,
    graphVerb,
    lsVerb,
    catVerb,
    injectVerb,
    rmVerb,
    launchVerb,
    logsVerb,
    cancelVerb,
    retryVerb,
    shellVerb,
    completionsVerb,
    completeVerb,
  ];
}
