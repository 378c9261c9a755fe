/**
 * The verb `graph`: the pipeline as a diagram.
 *
 * @module
 */

import { type Diagram, diagramOf, dotText, mermaidText } from "./diagram.ts";
import { writeOutput } from "./output.ts";
import { didYouMean } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";
import type { Verb } from "./verb.ts";

/** The formats, by name. */
const FORMATS: ReadonlyMap<string, (diagram: Diagram) => string> = new Map([
  ["mermaid", mermaidText],
  ["dot", dotText],
  ["json", (diagram: Diagram) => `${JSON.stringify(diagram, undefined, 2)}\n`],
]);

/** The verb `graph`. */
export const graphVerb: Verb = {
  name: "graph",
  summary: "Draw the pipeline as a Mermaid, DOT or JSON graph",
  options: {
    format: { type: "string", description: "mermaid, which is the default, dot or json" },
    json: { type: "boolean", description: "write JSON" },
  },
  opens: false,
  async run({ pipeline, options }) {
    const name = options.json === true ? "json" : String(options.format ?? "mermaid");
    const format = FORMATS.get(name);
    if (format === undefined) {
      throw new UsageError(
        `There is no format "${name}"${didYouMean(name, FORMATS.keys(), "formats")}`,
      );
    }
    await writeOutput(format(diagramOf(pipeline)));
  },
};
