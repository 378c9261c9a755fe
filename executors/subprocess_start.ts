/**
 * Calls functions in a process of a program that is one file.
 *
 * @module
 */

import { serve } from "./subprocess_main.ts";

await serve();
