/**
 * The program `datatask`, which runs pipelines by path or URL: `deno run -A jsr:@datatask/datatask/cli PIPELINE VERB`.
 *
 * @module
 */

import { program } from "./lib/program/program.ts";

if (import.meta.main) await program(Deno.args);
